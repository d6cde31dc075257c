"""Version: what an agent's definition was before it changed, or when it was published."""
