"""Scopes of reporting about automation and its sales; read by `scopes`.

Each row: name; measures as name:kind:how; dimensions (T5, ALL: see `scopes`); members to filter by, as class:member;
further forms of filters (STD: the standard members); time dimensions; facts (empty: none are recorded yet).
"""

ROWS: tuple[tuple[str, ...], ...] = (
    (
        "ai-sales-agent-orders-performance",
        "ordersInfluencedCount:count: totalSalesAmount:sum: totalSalesAmountUsd:sum: "
        "averageOrderValue:average: medianOrderValue:median: averagePurchaseTime:average: "
        "medianPurchaseTime:median:",
        "channel currency storeIntegrationId engagementType ticketId orderId totalAmount purchaseTime",
        "one:channel one:storeIntegrationId one:engagementType one:currency one:orderId",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-sales-agent-discounts",
        "offeredDiscountCodesCount:count: appliedDiscountCodesCount:count: "
        "averageDiscountAmount:average: medianDiscountAmount:median: discountUsage:rate:",
        "channel currency storeIntegrationId engagementType ticketId discountAmount discountCodeOffered "
        "discountCodeUsed",
        "one:channel one:storeIntegrationId one:engagementType one:currency",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-sales-agent-activity",
        "revenuePerInteraction:average: recommendedProductCount:count: timesRecommended:count:",
        "channel storeIntegrationId ticketId engagementType attributedRevenue productRecommended "
        "productId productVariantIds",
        "one:channel one:storeIntegrationId one:engagementType one:productId",
        "",
        "eventDatetime",
        "",
    ),
    (
        "overall-automation-rate",
        "automationRate:rate:",
        "automationFeatureType channel storeIntegrationId aiAgentRole orderManagementType flowId",
        "one:channel one:storeIntegrationId one:automationFeatureType one:aiAgentRole",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-agent-automated-interactions",
        "automatedInteractionsCount:count:",
        "aiAgentRole engagementType channel storeIntegrationId aiIntentCustomField ticketId",
        "one:channel one:storeIntegrationId one:aiAgentRole one:engagementType",
        "",
        "eventDatetime",
        "",
    ),
    (
        "overall-automated-interactions",
        "automatedInteractionsCount:count:",
        "automationFeatureType orderManagementType flowId channel storeIntegrationId",
        "one:channel one:storeIntegrationId one:automationFeatureType",
        "",
        "eventDatetime",
        "",
    ),
    (
        "handover-interactions",
        "handoverInteractionsCount:count:",
        "automationFeatureType aiAgentRole engagementType channel storeIntegrationId aiIntentCustomField "
        "ticketId orderManagementType resourceSourceId resourceSourceSetId",
        "one:channel one:storeIntegrationId one:automationFeatureType one:aiAgentRole one:engagementType "
        "one:resourceSourceId one:resourceSourceSetId",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-sales-agent-buy-through-rate",
        "buyThroughRate:rate: productBuyThroughRate:rate:",
        "channel storeIntegrationId engagementType ticketId productRecommended boughtProducts productId",
        "one:channel one:storeIntegrationId one:engagementType",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-sales-agent-conversion-rate",
        "conversionRate:rate:",
        "channel storeIntegrationId engagementType ticketId aiIntentCustomField",
        "one:channel one:storeIntegrationId one:engagementType",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-agent-coverage-rate",
        "coverageRate:rate:",
        "channel ticketId aiAgentRole aiIntentCustomField",
        "one:channel one:aiAgentRole one:storeIntegrationId one:engagementType",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-agent-success-rate",
        "successRate:rate: aiAgentTicketVolume:count:",
        "channel ticketId aiAgentRole storeIntegrationId engagementType aiIntentCustomField "
        "resourceSourceId resourceSourceSetId",
        "one:channel one:aiAgentRole one:storeIntegrationId one:engagementType one:resourceSourceId "
        "one:resourceSourceSetId",
        "",
        "eventDatetime",
        "",
    ),
    (
        "overall-time-saved-by-agent",
        "averageTimeSavedByAgent:sum: medianTimeSavedByAgent:sum:",
        "channel automationFeatureType orderManagementType flowId storeIntegrationId ticketId",
        "one:channel one:storeIntegrationId one:automationFeatureType",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-agent-time-saved",
        "averageTimeSavedByAgent:sum: medianTimeSavedByAgent:sum:",
        "channel aiAgentRole storeIntegrationId ticketId engagementType",
        "one:channel one:storeIntegrationId one:aiAgentRole one:engagementType",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-agent-ticket-fields",
        "ticketCount:count:",
        "aiAgentRole aiOutcomeCustomField channel storeIntegrationId ticketId",
        "one:aiAgentRole one:channel one:storeIntegrationId",
        "",
        "eventDatetime",
        "",
    ),
    (
        "overall-decrease-in-resolution-time",
        "averageDecreaseInResolutionTime:average: medianDecreaseInResolutionTime:median:",
        "channel automationFeatureType orderManagementType flowId storeIntegrationId ticketId resolutionTime",
        "one:channel one:storeIntegrationId one:automationFeatureType",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-agent-decrease-in-resolution-time",
        "averageDecreaseInResolutionTime:average: medianDecreaseInResolutionTime:median:",
        "channel aiAgentRole storeIntegrationId ticketId resolutionTime aiIntentCustomField",
        "one:channel one:storeIntegrationId one:aiAgentRole",
        "",
        "eventDatetime",
        "",
    ),
    (
        "flow-dataset",
        "dropOffCount:count: handoverInteractionsCount:count:",
        "channel flowId storeIntegrationId",
        "one:channel one:storeIntegrationId",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-agent-csat",
        "averageCSAT:average: medianCSAT:median:",
        "channel ticketId aiAgentRole storeIntegrationId engagementType surveyScore resourceSourceId "
        "resourceSourceSetId",
        "one:channel one:aiAgentRole one:storeIntegrationId one:engagementType one:resourceSourceId "
        "one:resourceSourceSetId",
        "",
        "eventDatetime",
        "",
    ),
    (
        "overall-decrease-in-first-response-time",
        "averageDecreaseInFirstResponseTime:average: medianDecreaseInFirstResponseTime:median:",
        "channel automationFeatureType orderManagementType flowId storeIntegrationId ticketId "
        "firstResponseTime",
        "one:channel one:storeIntegrationId one:automationFeatureType",
        "",
        "eventDatetime",
        "",
    ),
    (
        "ai-agent-decrease-in-first-response-time",
        "averageDecreaseInFirstResponseTime:average: medianDecreaseInFirstResponseTime:median:",
        "channel aiAgentRole engagementType storeIntegrationId ticketId firstResponseTime "
        "aiIntentCustomField",
        "one:channel one:aiAgentRole one:engagementType one:storeIntegrationId",
        "",
        "eventDatetime",
        "",
    ),
)
