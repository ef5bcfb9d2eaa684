"""Rules of the kinds that shops publish: each with a state in which it acts and one in which it does not.

A row: what it is for, its code, the changes (ticket, message) that make it act, the actions it then reaches, and the
changes under which it stays silent.
"""

ORDERS = "customer__integrations__9__orders"
NIGHT = {"created_datetime": "2026-06-15T21:30:00+00:00"}

RULES = [
    (
        "bounces (reference 1)",
        """// 1. Bounces: tag and close.
if (eq(message.from_agent, false) && (startsWith(ticket.subject, 'Automatic reply')
    || containsAny(message.body_text, ['out of the office', 'auto-generated']))) {
  Action('addTags', { tags: 'bot-mail' });
  Action('setStatus', { status: 'closed' });
}""",
        ({"subject": "AUTOMATIC  reply: hello"}, {}),
        ["addTags", "setStatus"],
        ({}, {}),
    ),
    (
        "order status (reference 2), with tracking",
        """if (containsAny(message.intents.name, ['shipping/status'])) {
  if (isNotEmpty(ticket.customer.integrations.shopify.orders[0].fulfillments[0].tracking_number)) {
    Action('applyMacro', { macro: 41 });
    Action('setStatus', { status: 'closed' });
  } else {
    Action('addTags', { tags: 'wismo, not-shipped' });
    Action('setPriority', { priority: 'high' });
  }
}""",
        ({}, {}),
        ["applyMacro", "setStatus"],
        ({}, {"intents": [{"name": "shipping/status", "rejected": True}]}),
    ),
    (
        "order status (reference 2), not shipped",
        """if (containsAny(message.intents.name, ['shipping/status'])) {
  if (isNotEmpty(ticket.customer.integrations.shopify.orders[0].fulfillments[0].tracking_number)) {
    Action('applyMacro', { macro: 41 });
    Action('setStatus', { status: 'closed' });
  } else {
    Action('addTags', { tags: 'wismo, not-shipped' });
    Action('setPriority', { priority: 'high' });
  }
}""",
        ({ORDERS: []}, {}),
        ["addTags", "setPriority"],
        ({}, {"intents": []}),
    ),
    (
        "night answer (reference 3)",
        """if (eq(message.from_agent, false) && eq(message.channel, 'email')
    && outsideBusinessHours(message.created_datetime)
    && notContainsAny(ticket.tags.name, ['night-reply-sent'])) {
  Action('replyToTicket', { body_text: 'Hi {{ticket.customer.firstname}}, we are back at 9.' });
  Action('addTags', { tags: 'night-reply-sent' });
}""",
        ({}, NIGHT),
        ["replyToTicket", "addTags"],
        ({"tags": [{"id": 2, "name": "night-reply-sent"}]}, NIGHT),
    ),
    (
        "stale tickets (reference 4)",
        """if (eq(ticket.status, 'open') && gteTimedelta(ticket.last_received_message_datetime, '3w')
    && isEmpty(ticket.assignee_user.id)) {
  Action('setCustomFieldValue', { custom_field_id: 8, value: 'Stale' });
  Action('setStatus', { status: 'closed' });
}""",
        ({"last_received_message_datetime": "2026-05-25T12:00:00+00:00"}, {}),
        ["setCustomFieldValue", "setStatus"],
        ({"last_received_message_datetime": "2026-05-25T12:00:00.000001+00:00"}, {}),
    ),
    (
        "VIP by total spent",
        "if (gte(ticket.customer.integrations.shopify.customer.total_spent, 500)) {"
        " Action('addTags', {tags: 'big-spender'}); Action('setPriority', {priority: 'critical'}) }",
        ({}, {}),
        ["addTags", "setPriority"],
        ({"customer__integrations__9__customer__total_spent": "99.99"}, {}),
    ),
    (
        "VIP by shop tag",
        "if (contains(ticket.customer.integrations.shopify.customer.tags, 'vip')) Action('addTags', {tags: 'VIP'})",
        ({}, {}),
        ["addTags"],
        ({"customer__integrations__9__customer__tags": "wholesale"}, {}),
    ),
    (
        "VIP by customer field",
        "if (gt(ticket.customer.custom_fields[22].value, 100) && notContains(ticket.tags.name, 'gold'))"
        " Action('addTags', {tags: 'gold'})",
        ({}, {}),
        ["addTags"],
        ({"customer__custom_fields": {}}, {}),
    ),
    (
        "refund words",
        "if (containsAny(message.body_text, ['refund', 'money back', 'chargeback'])) {"
        " Action('addTags', {tags: ['REFUND']}); Action('setTeamAssignee', {assignee_team: {id: 4, name: 'Returns'}}) }",
        ({}, {"body_text": "I want my MONEY\u00a0 back!"}),
        ["addTags", "setTeamAssignee"],
        ({}, {"body_text": "money\nback"}),
    ),
    (
        "refund intent with a paid order",
        "if (containsAny(message.intents.name, ['refund/request', 'return/request'])"
        " && eq(ticket.customer.integrations.shopify.orders[0].financial_status, 'paid'))"
        " Action('applyMacro', {macro_id: 12})",
        ({}, {"intents": [{"name": "refund/request", "rejected": None}]}),
        ["applyMacro"],
        ({ORDERS: []}, {"intents": [{"name": "refund/request"}]}),
    ),
    (
        "refund already made",
        "if (contains(message.body_text, 'refund') && eq(ticket.customer.integrations.shopify.orders[0].financial_status, 'refunded')) {"
        " Action('replyToTicket', {body_html: '<p>Your refund left us on {{ticket.customer.integrations.shopify.orders[0].refunds[0].processed_at | datetime_format(\"LL\")}}.</p>'}) }",
        ({"customer__integrations__9__orders__0__financial_status": "refunded"}, {"body_text": "Refund?"}),
        ["replyToTicket"],
        ({}, {"body_text": "Refund?"}),
    ),
    (
        "cancel before shipping",
        "if (contains(message.intents.name, 'order/cancel') && isEmpty(ticket.customer.integrations.shopify.orders[0].fulfillments)) {"
        " Action('setPriority', {priority: 'critical'}); Action('addTags', {tags: 'cancel-now'}) }",
        ({"customer__integrations__9__orders__0__fulfillments": []}, {"intents": [{"name": "order/cancel"}]}),
        ["setPriority", "addTags"],
        ({}, {"intents": [{"name": "order/cancel"}]}),
    ),
    (
        "recent order",
        "if (lteTimedelta(ticket.customer.integrations.shopify.orders[0].created_at, '2d')) Action('addTags', {tags: 'fresh-order'})",
        ({}, {}),
        ["addTags"],
        ({"customer__integrations__9__orders__0__created_at": "2026-06-01T00:00:00Z"}, {}),
    ),
    (
        "product by line item",
        "if (contains(ticket.customer.integrations.shopify.orders[0].line_items.title, 'Hat')) Action('addTags', {tags: 'hats'})",
        ({}, {}),
        ["addTags"],
        ({"customer__integrations__9__orders__0__line_items": [{"title": "Hats"}]}, {}),
    ),
    (
        "integration by id",
        "if (eq(ticket.customer.integrations[9].orders[-1].name, '#0999')) Action('addTags', {tags: 'returning'})",
        ({}, {}),
        ["addTags"],
        ({ORDERS: []}, {}),
    ),
    (
        "spam words close",
        "if (eq(message.from_agent, false) && containsAny(ticket.subject, ['SEO services', 'guest post', 'crypto'])) {"
        " Action('addTags', {tags: 'spam'}); Action('setStatus', {status: 'closed'}); Action('deleteTicket'); }",
        ({"subject": "Cheap seo Services"}, {}),
        ["addTags", "setStatus", "deleteTicket"],
        ({}, {}),
    ),
    (
        "sender list",
        "if (endsWith(message.sender.email, '@spam.example') || eq(message.sender.email, 'NOREPLY@bank.example')) Action('deleteTicket', {})",
        ({}, {"sender": {"email": "noreply@bank.example"}}),
        ["deleteTicket"],
        ({}, {"sender": None}),
    ),
    (
        "newsletter headers",
        """if (isNotEmpty(message.headers["list-unsubscribe"]) || eq(message.headers['Precedence'], 'bulk')) { Action('setStatus', {status: 'closed'}) }""",
        ({}, {"headers": {"List-Unsubscribe": "<mailto:x>"}}),
        ["setStatus"],
        ({}, {"headers": None}),
    ),
    (
        "marketplace mail without attachments",
        "if (eq(message.source.from.address, 'Orders@Market.example') && isEmpty(message.attachments)) Action('addTags', {tags: 'market'})",
        ({}, {"source": {"from": {"address": "orders@market.example"}}, "attachments": []}),
        ["addTags"],
        ({}, {"source": {"from": {"address": "orders@market.example"}}, "attachments": [{"name": "a.pdf"}]}),
    ),
    (
        "invoice attached",
        "if (endsWith(message.attachments.name, ['.PDF', '.docx']) && contains(message.attachments.content_type, 'application/pdf')) Action('addTags', {tags: 'has-invoice'})",
        (
            {},
            {
                "attachments": [
                    {"name": "x.png", "content_type": "image/png"},
                    {"name": "Bill.pdf", "content_type": "application/pdf"},
                ]
            },
        ),
        ["addTags"],
        ({}, {"attachments": [{"name": "x.png", "content_type": "image/png"}]}),
    ),
    (
        "address routing",
        "if (contains(message.source.to.address, 'wholesale@shop.example') || contains(message.source.cc.address, 'wholesale@shop.example'))"
        " { Action('setTeamAssignee', {assignee_team: {id: 5}}); }",
        ({}, {"source": {"to": [{"address": "a@b.c"}], "cc": [{"address": "Wholesale@shop.example"}]}}),
        ["setTeamAssignee"],
        ({}, {}),
    ),
    (
        "language French",
        "if (eq(ticket.language, 'fr') && isEmpty(ticket.assignee_team.id)) Action('setTeamAssignee', {assignee_team: {id: 6}})",
        ({"language": "fr"}, {}),
        ["setTeamAssignee"],
        ({"language": "fr", "assignee_team": {"id": 1}}, {}),
    ),
    (
        "languages we do not speak",
        "if (isNotEmpty(ticket.language) && notContainsAny(ticket.language, ['en', 'fr', 'de'])) Action('addTags', {tags: 'translate'})",
        ({"language": "ja"}, {}),
        ["addTags"],
        ({"language": None}, {}),
    ),
    (
        "out of hours on chat",
        "if (outsideBusinessHours(message.created_datetime) && containsAny(ticket.channel, ['chat', 'whatsapp']))"
        " { Action('replyToTicket', {body_text: 'We sleep.'}) } else if (duringBusinessHours(message.created_datetime)) { Action('setPriority', {priority: 'high'}) }",
        ({"channel": "whatsapp"}, NIGHT),
        ["replyToTicket"],
        ({"channel": "email"}, NIGHT),
    ),
    (
        "social comments hidden",
        "if (containsAny(message.channel, ['facebook', 'instagram-comment', 'instagram-ad-comment'])"
        " && containsAny(message.sentiments.name, ['offensive', 'threatening'])) { Action('facebookHideComment'); Action('addTags', {tags: 'hidden'}) }",
        ({}, {"channel": "facebook", "sentiments": [{"name": "offensive"}]}),
        ["facebookHideComment", "addTags"],
        ({}, {"channel": "facebook-messenger", "sentiments": [{"name": "offensive"}]}),
    ),
    (
        "social praise liked",
        "if (contains(message.channel, 'facebook') && contains(message.sentiments.name, 'promoter') && !contains(message.body_text, '?'))"
        " { Action('facebookLikeComment', {}); Action('setStatus', {status: 'closed'}) }",
        ({}, {"channel": "facebook", "sentiments": [{"name": "promoter"}], "body_text": "Love it"}),
        ["facebookLikeComment", "setStatus"],
        ({}, {"channel": "facebook", "sentiments": [{"name": "promoter"}], "body_text": "Love it?"}),
    ),
    (
        "thanks closes",
        "if (eq(message.from_agent, false) && containsAll(message.intents.name, ['other/thanks']) && notContains(message.body_text, '?'))"
        " Action('setStatus', {status: 'closed'})",
        ({}, {"intents": [{"name": "other/thanks"}], "body_text": "Thank you!"}),
        ["setStatus"],
        ({}, {"intents": [{"name": "other/thanks"}], "body_text": "Thanks. And my refund?"}),
    ),
    (
        "angry customer escalates",
        "if (containsAny(message.sentiments.name, ['threatening', 'negative', 'urgent']) && lt(ticket.messages_count, 10)) {"
        " Action('setPriority', {priority: 'high'}); Action('addInternalNote', {body_text: 'Careful: {{ticket.customer.name}}'}) }",
        ({}, {"sentiments": [{"name": "urgent"}]}),
        ["setPriority", "addInternalNote"],
        ({"messages_count": 12}, {"sentiments": [{"name": "urgent"}]}),
    ),
    (
        "legal words to the lead",
        "if (containsAny(message.stripped_text, ['lawyer', 'attorney', 'legal action'])) Action('setAssignee', {assignee_user: {id: 2}})",
        ({}, {"stripped_text": "My Lawyer will call"}),
        ["setAssignee"],
        ({}, {"stripped_text": None}),
    ),
    (
        "low score comes back",
        "if (lte(ticket.satisfaction_survey.score, 2) && isNotEmpty(ticket.satisfaction_survey.body_text)) {"
        " Action('setStatus', {status: 'open'}); Action('addTags', {tags: 'csat-low'}); Action('setAssignee', {assignee_user: null}) }",
        ({"satisfaction_survey": {"score": 2, "body_text": "meh"}}, {}),
        ["setStatus", "addTags", "setAssignee"],
        ({"satisfaction_survey": {"score": None, "body_text": "meh"}}, {}),
    ),
    (
        "no survey for wholesalers",
        "if (contains(ticket.tags.name, 'wholesale')) { Action('excludeFromCSAT', {}); Action('excludeFromAutoMerge') }",
        ({"tags": [{"id": 1, "name": "wholesale"}]}, {}),
        ["excludeFromCSAT", "excludeFromAutoMerge"],
        ({"tags": [{"id": 1, "name": "Wholesale"}]}, {}),
    ),
    (
        "snooze waiting tickets",
        "if (eq(message.from_agent, true) && eq(ticket.status, 'open') && isEmpty(ticket.snooze_datetime)) Action('snoozeTicket', {snooze_timedelta: '3d 12h'})",
        ({}, {"from_agent": True}),
        ["snoozeTicket"],
        ({}, {}),
    ),
    (
        "reminder after a snooze",
        "if (gtTimedelta(ticket.last_received_message_datetime, '2d') && ltTimedelta(ticket.last_message_datetime, '4d')) {"
        " Action('sendEmail', {to: '{{ticket.customer.email}}', subject: 'Still there?', body_text: 'Hello'}) }",
        (
            {
                "last_received_message_datetime": "2026-06-12T12:00:00Z",
                "last_message_datetime": "2026-06-13T12:00:00Z",
            },
            {},
        ),
        ["sendEmail"],
        ({}, {}),
    ),
    (
        "drop-down of contact reasons",
        "if (containsAny(ticket.custom_fields[8].value, ['Order', 'Return'])) Action('setTeamAssignee', {assignee_team: {id: 4}})",
        ({"custom_fields": {"8": {"id": 8, "value": "Order::Damaged"}}}, {}),
        ["setTeamAssignee"],
        ({"custom_fields": {"8": {"id": 8, "value": "Orders"}}}, {}),
    ),
    (
        "ticket fields of every type",
        "if (gte(ticket.custom_fields['9'].value, '2.5') && eq(ticket.custom_fields[10], true) && startsWith(ticket.custom_fields[11], 'ref'))"
        " Action('setCustomerCustomFieldValue', {custom_field_id: 21, value: null})",
        (
            {
                "custom_fields": {
                    "9": {"id": 9, "value": 2.5},
                    "10": {"id": 10, "value": True},
                    "11": {"id": 11, "value": "REF-1"},
                }
            },
            {},
        ),
        ["setCustomerCustomFieldValue"],
        ({"custom_fields": {"9": {"id": 9, "value": 2.4}}}, {}),
    ),
    (
        "first message of the conversation",
        "if (contains(ticket.first_message.body_text, 'coupon') && eq(ticket.messages[-1].from_agent, false) && contains(ticket.messages.channel, 'email'))"
        " Action('addTags', {tags: 'discount'})",
        ({}, {"body_text": "a COUPON code"}),
        ["addTags"],
        ({}, {}),
    ),
    (
        "mail of the web shop's form",
        "if (eq(message.via, 'contact_form') || contains(message.meta.current_page, '/contact')) Action('setSubject', {subject: 'Form: {{ticket.subject}}'})",
        ({}, {"meta": {"current_page": "https://shop.example/Contact"}}),
        ["setSubject"],
        ({}, {"meta": {"current_page": None}}),
    ),
    (
        "customer data of the API",
        "if (eq(ticket.customer.data.plan, 'gold') && neq(ticket.requester.email, 'BOSS@shop.example')) Action('setPriority', {priority: 'high'})",
        ({}, {}),
        ["setPriority"],
        ({"customer__email": "boss@shop.example"}, {}),
    ),
    (
        "phone and text messages",
        "if (contains(ticket.integrations.type, 'phone') || contains(ticket.customer.channels.type, 'sms')) Action('addTags', {tags: 'call-back'})",
        ({"integrations": [{"id": 4, "type": "phone", "name": "P", "address": None}]}, {}),
        ["addTags"],
        ({}, {}),
    ),
    (
        "one store of several",
        "if (eq(ticket.store.id, '9') && contains(ticket.integrations.id, 3)) Action('addTags', {tags: 'store-eu'})",
        ({}, {}),
        ["addTags"],
        ({"store": None}, {}),
    ),
    (
        "team mail stays internal",
        "if (endsWith(message.sender.email, ['@shop.example', '@agency.example']) && eq(message.public, true)) { Action('removeTags', {tags: 'vip'}); Action('setTags', {tags: ''}) }",
        ({}, {"sender": {"email": "bob@agency.example"}}),
        ["removeTags", "setTags"],
        ({}, {}),
    ),
    (
        "mention of a lead",
        "if (eq(message.public, false) && contains(message.mention_ids, 2)) Action('setAssignee', {assignee_user: {id: '2'}})",
        ({}, {"public": False, "mention_ids": [5, 2]}),
        ["setAssignee"],
        ({}, {"public": False}),
    ),
    (
        "a ladder of priorities",
        """if (eq(ticket.priority, 'critical')) ;
else if (contains(ticket.subject, 'urgent')) { Action('setPriority', {priority: 'critical'}) }
else if (contains(ticket.subject, 'order')) { Action('setPriority', {priority: 'normal'}) }
else { Action('setPriority', {priority: 'low'}) }""",
        ({}, {}),
        ["setPriority"],
        ({"priority": "critical"}, {}),
    ),
    (
        "every ticket",
        "Action('addTags', {tags: 'seen'}) Action('setStatus', {status: 'open'})",
        ({}, {}),
        ["addTags", "setStatus"],
        None,
    ),
    (
        "an answer by nobody",
        "if (neq(ticket.assignee_user, null) && isNotEmpty(ticket.assignee_user.email)) Action('addTags', {tags: 'owned'})",
        ({"assignee_user": {"id": 2, "email": "leo@shop.example", "name": "Leo"}}, {}),
        ["addTags"],
        ({}, {}),
    ),
]
