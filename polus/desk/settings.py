"""The account's settings: one row per type, each a JSON object. What they mean is left to who reads them."""

from typing import Any

BUSINESS_HOURS = {
    "timezone": "UTC",
    "business_hours": [{"days": "1,2,3,4,5", "from_time": "09:00", "to_time": "17:00"}],
}

SURVEY_TEXT = "Hi {{ticket.customer.firstname}},\n\nhow did we do? Please rate our answer:\n{{satisfaction_survey_url}}\n"
SURVEY_HTML = (
    "<p>Hi {{ticket.customer.firstname}},</p>"
    '<p>how did we do? <a href="{{satisfaction_survey_url}}">Please rate our answer</a>.</p>'
)

# What a new account starts with, in the reference's order.
FIRST: dict[str, dict[str, Any]] = {
    "satisfaction-surveys": {
        "send_survey_for_chat": True,
        "send_survey_for_email": True,
        "send_survey_for_contact_form": True,
        "send_survey_for_help_center": True,
        "survey_email_html": SURVEY_HTML,
        "survey_email_text": SURVEY_TEXT,
        "survey_interval": 2,
    },
    "ticket-assignment": {
        "unassign_on_reply": True,
        "auto_assign_to_teams": False,
        "assignment_channels": [
            "chat",
            "facebook-messenger",
            "instagram-direct-message",
            "sms",
            "twitter-direct-message",
            "whatsapp",
        ],
        "unassign_on_user_unavailability": ["chat"],
        "can_exceed_max_agent_capacity": False,
        "auto_assign_ticket_to_responding_agent": False,
        "max_user_chat_ticket": 3,
        "max_user_non_chat_ticket": 4,
    },
    "views-ordering": {"views": {}, "view_sections": {}, "views_top": {}, "views_bottom": {}},
    "business-hours": BUSINESS_HOURS,
    "access": {
        "signup_mode": "invite",
        "allowed_domains": [],
        "google_sso_enabled": True,
        "office365_sso_enabled": True,
        "two_fa_enforced_datetime": None,
        "skip_2fa_after_sso_datetime": None,
        "sso_enforced_datetime": None,
        "custom_sso_providers": {},
    },
    "views-visibility": {"hidden_views": []},
    "auto-merge": {"tickets": {"enabled": False, "merging_window_days": 5}},
    "default-integration": {},
}
