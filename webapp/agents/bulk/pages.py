from flask import Blueprint

bp = Blueprint("agent_bulk", __name__, url_prefix="/agents")
