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

# Two letters, ISO 639-1 and a few irregular ones of the wire.
LANGUAGES = frozenset(
    """
    aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz
    ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik
    io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml
    mn mr ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rc rm rn ro ru rw sa sc
    sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve
    vi vo wa wo xh yi yo za zh zu
    """.split()
)
