"""Scopes of reporting about automation and its sales; read by `scopes`.

Each row: name; measures as name:kind:how; dimensions (T5, ALL: see `scopes`); members to filter by, as class:member;
further forms of filters (STD: the standard members); time dimensions; facts.
"""

ROWS: tuple[tuple[str, ...], ...] = (
    (
        "ai-sales-agent-orders-performance",
        "ordersInfluencedCount:count:rows totalSalesAmount:sum:money totalSalesAmountUsd:sum:dollars "
        "averageOrderValue:average:money_average medianOrderValue:median:money_median averagePurchaseTime:average:purchase_average "
        "medianPurchaseTime:median:purchase_median",
        "channel currency storeIntegrationId engagementType ticketId orderId totalAmount purchaseTime",
        "one:channel one:storeIntegrationId one:engagementType one:currency one:orderId",
        "",
        "eventDatetime",
        "orders",
    ),
    (
        "ai-sales-agent-discounts",
        "offeredDiscountCodesCount:count:items appliedDiscountCodesCount:count:used "
        "averageDiscountAmount:average:money_average medianDiscountAmount:median:money_median discountUsage:rate:usage",
        "channel currency storeIntegrationId engagementType ticketId discountAmount discountCodeOffered "
        "discountCodeUsed",
        "one:channel one:storeIntegrationId one:engagementType one:currency",
        "",
        "eventDatetime",
        "discounts",
    ),
    (
        "ai-sales-agent-activity",
        "revenuePerInteraction:average:revenue recommendedProductCount:count:products timesRecommended:count:times",
        "channel storeIntegrationId ticketId engagementType attributedRevenue productRecommended "
        "productId productVariantIds",
        "one:channel one:storeIntegrationId one:engagementType one:productId",
        "",
        "eventDatetime",
        "activity",
    ),
    (
        "overall-automation-rate",
        "automationRate:rate:automation",
        "automationFeatureType channel storeIntegrationId aiAgentRole orderManagementType flowId",
        "one:channel one:storeIntegrationId one:automationFeatureType one:aiAgentRole",
        "",
        "eventDatetime",
        "handled_by_any",
    ),
    (
        "ai-agent-automated-interactions",
        "automatedInteractionsCount:count:items",
        "aiAgentRole engagementType channel storeIntegrationId aiIntentCustomField ticketId",
        "one:channel one:storeIntegrationId one:aiAgentRole one:engagementType",
        "",
        "eventDatetime",
        "automated_by_agent",
    ),
    (
        "overall-automated-interactions",
        "automatedInteractionsCount:count:items",
        "automationFeatureType orderManagementType flowId channel storeIntegrationId",
        "one:channel one:storeIntegrationId one:automationFeatureType",
        "",
        "eventDatetime",
        "automated",
    ),
    (
        "handover-interactions",
        "handoverInteractionsCount:count:items",
        "automationFeatureType aiAgentRole engagementType channel storeIntegrationId aiIntentCustomField "
        "ticketId orderManagementType resourceSourceId resourceSourceSetId",
        "one:channel one:storeIntegrationId one:automationFeatureType one:aiAgentRole one:engagementType "
        "one:resourceSourceId one:resourceSourceSetId",
        "",
        "eventDatetime",
        "handed_over",
    ),
    (
        "ai-sales-agent-buy-through-rate",
        "buyThroughRate:rate:bought productBuyThroughRate:rate:products_bought",
        "channel storeIntegrationId engagementType ticketId productRecommended boughtProducts productId",
        "one:channel one:storeIntegrationId one:engagementType",
        "",
        "eventDatetime",
        "recommended",
    ),
    (
        "ai-sales-agent-conversion-rate",
        "conversionRate:rate:bought",
        "channel storeIntegrationId engagementType ticketId aiIntentCustomField",
        "one:channel one:storeIntegrationId one:engagementType",
        "",
        "eventDatetime",
        "sales",
    ),
    (
        "ai-agent-coverage-rate",
        "coverageRate:rate:coverage",
        "channel ticketId aiAgentRole aiIntentCustomField",
        "one:channel one:aiAgentRole one:storeIntegrationId one:engagementType",
        "",
        "eventDatetime",
        "covered",
    ),
    (
        "ai-agent-success-rate",
        "successRate:rate:success aiAgentTicketVolume:count:distinct_tickets",
        "channel ticketId aiAgentRole storeIntegrationId engagementType aiIntentCustomField "
        "resourceSourceId resourceSourceSetId",
        "one:channel one:aiAgentRole one:storeIntegrationId one:engagementType one:resourceSourceId "
        "one:resourceSourceSetId",
        "",
        "eventDatetime",
        "by_agent",
    ),
    (
        "overall-time-saved-by-agent",
        "averageTimeSavedByAgent:sum:saved_average medianTimeSavedByAgent:sum:saved_median",
        "channel automationFeatureType orderManagementType flowId storeIntegrationId ticketId",
        "one:channel one:storeIntegrationId one:automationFeatureType",
        "",
        "eventDatetime",
        "saved",
    ),
    (
        "ai-agent-time-saved",
        "averageTimeSavedByAgent:sum:saved_average medianTimeSavedByAgent:sum:saved_median",
        "channel aiAgentRole storeIntegrationId ticketId engagementType",
        "one:channel one:storeIntegrationId one:aiAgentRole one:engagementType",
        "",
        "eventDatetime",
        "saved_by_agent",
    ),
    (
        "ai-agent-ticket-fields",
        "ticketCount:count:tickets",
        "aiAgentRole aiOutcomeCustomField channel storeIntegrationId ticketId",
        "one:aiAgentRole one:channel one:storeIntegrationId",
        "",
        "eventDatetime",
        "fields",
    ),
    (
        "overall-decrease-in-resolution-time",
        "averageDecreaseInResolutionTime:average:less_average medianDecreaseInResolutionTime:median:less_median",
        "channel automationFeatureType orderManagementType flowId storeIntegrationId ticketId resolutionTime",
        "one:channel one:storeIntegrationId one:automationFeatureType",
        "",
        "eventDatetime",
        "resolutions",
    ),
    (
        "ai-agent-decrease-in-resolution-time",
        "averageDecreaseInResolutionTime:average:less_average medianDecreaseInResolutionTime:median:less_median",
        "channel aiAgentRole storeIntegrationId ticketId resolutionTime aiIntentCustomField",
        "one:channel one:storeIntegrationId one:aiAgentRole",
        "",
        "eventDatetime",
        "resolutions_by_agent",
    ),
    (
        "flow-dataset",
        "dropOffCount:count:dropped handoverInteractionsCount:count:handed",
        "channel flowId storeIntegrationId",
        "one:channel one:storeIntegrationId",
        "",
        "eventDatetime",
        "flows",
    ),
    (
        "ai-agent-csat",
        "averageCSAT:average:average medianCSAT:median:median",
        "channel ticketId aiAgentRole storeIntegrationId engagementType surveyScore resourceSourceId "
        "resourceSourceSetId",
        "one:channel one:aiAgentRole one:storeIntegrationId one:engagementType one:resourceSourceId "
        "one:resourceSourceSetId",
        "",
        "eventDatetime",
        "rated",
    ),
    (
        "overall-decrease-in-first-response-time",
        "averageDecreaseInFirstResponseTime:average:less_average medianDecreaseInFirstResponseTime:median:less_median",
        "channel automationFeatureType orderManagementType flowId storeIntegrationId ticketId "
        "firstResponseTime",
        "one:channel one:storeIntegrationId one:automationFeatureType",
        "",
        "eventDatetime",
        "answers",
    ),
    (
        "ai-agent-decrease-in-first-response-time",
        "averageDecreaseInFirstResponseTime:average:less_average medianDecreaseInFirstResponseTime:median:less_median",
        "channel aiAgentRole engagementType storeIntegrationId ticketId firstResponseTime "
        "aiIntentCustomField",
        "one:channel one:aiAgentRole one:engagementType one:storeIntegrationId",
        "",
        "eventDatetime",
        "answers_by_agent",
    ),
)
