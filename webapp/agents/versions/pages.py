from flask import Blueprint

bp = Blueprint("agent_versions", __name__, url_prefix="/agents")
