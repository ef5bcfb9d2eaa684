"""The closed sets of words that fields may hold, as the wire spells them."""

STATUSES = frozenset(["open", "closed"])
PRIORITIES = ("low", "normal", "high", "critical")
SENTIMENTS = frozenset(["positive", "promoter", "negative", "threatening", "urgent", "offensive"])

VIAS = frozenset(
    """
    aircall api chat contact_form email facebook facebook-mention facebook-messenger
    facebook-recommendations form gorgias_chat help-center helpdesk instagram instagram-ad-comment
    instagram-comment instagram-direct-message instagram-mention internal-note offline_capture phone rule
    self_service shopify sms twilio twitter twitter-direct-message whatsapp yotpo yotpo-review zendesk
    """.split()
)

INTENTS = frozenset(
    """
    discount/request exchange/request exchange/status feedback order/damaged order/cancel order/change
    order/wrong other/no_reply other/question other/thanks product/recommendation product/question
    refund/request refund/status return/request return/status shipping/change shipping/delivery-issue
    shipping/policy shipping/status stock/request subscription/cancel subscription/change
    """.split()
)
