from flask import Blueprint

bp = Blueprint("agent_releases", __name__, url_prefix="/agents")
