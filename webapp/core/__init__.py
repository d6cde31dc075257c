"""What every feature stands on, without a business noun in it."""
