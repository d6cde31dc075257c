from flask import Blueprint

bp = Blueprint("agent_handoffs", __name__, url_prefix="/agents")
