from flask import Blueprint

bp = Blueprint("agent_transfer", __name__, url_prefix="/agents")
