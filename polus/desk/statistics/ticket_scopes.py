"""Scopes of reporting about tickets, messages, surveys, calls and quality; read by `scopes`.

Each row: name; measures as name:kind:how; dimensions (T5, ALL: see `scopes`); members to filter by, as class:member;
further forms of filters (STD: the standard members); time dimensions; facts.
"""

ROWS: tuple[tuple[str, ...], ...] = (
    (
        "tickets-closed",
        "ticketCount:count:tickets",
        "T5",
        "",
        "STD customFields tags",
        "closedDatetime createdDatetime periodStart",
        "closed",
    ),
    (
        "tickets-created",
        "ticketCount:count:tickets",
        "T5",
        "",
        "STD customFields tags",
        "createdDatetime periodStart",
        "created",
    ),
    (
        "tickets-open",
        "ticketCount:count:tickets",
        "T5",
        "",
        "STD customFields tags",
        "createdDatetime periodStart",
        "open",
    ),
    (
        "tickets-replied",
        "ticketCount:count:tickets",
        "T5",
        "",
        "STD customFields tags",
        "createdDatetime sentDatetime periodStart",
        "replied",
    ),
    (
        "one-touch-tickets",
        "ticketCount:count:tickets",
        "T5",
        "",
        "STD customFields tags",
        "createdDatetime closedDatetime periodStart",
        "one_touch",
    ),
    (
        "zero-touch-tickets",
        "ticketCount:count:tickets",
        "T5",
        "",
        "STD customFields tags",
        "createdDatetime closedDatetime periodStart",
        "zero_touch",
    ),
    (
        "satisfaction-surveys",
        "scoredSurveysCount:count:scored averageSurveyScore:average:score "
        "satisfactionScore:rate:satisfied responseRate:rate:answered sentSurveysCount:count:surveys",
        "T5 surveyScore",
        "",
        "STD customFields tags",
        "createdDatetime sentDatetime periodStart",
        "surveys",
    ),
    (
        "resolution-time",
        "medianResolutionTime:median:median_time averageResolutionTime:average:average_time",
        "T5 resolutionTime",
        "",
        "STD customFields tags",
        "createdDatetime periodStart closedDatetime",
        "resolved",
    ),
    (
        "messages-sent",
        "messagesCount:count:rows",
        "T5",
        "",
        "STD customFields tags",
        "sentDatetime periodStart",
        "sent",
    ),
    (
        "first-response-time",
        "medianFirstResponseTime:median:median_time averageFirstResponseTime:average:average_time",
        "T5 firstResponseTime",
        "",
        "STD customFields tags",
        "createdDatetime firstAgentMessageDatetime periodStart",
        "first_responses",
    ),
    (
        "human-first-response-time",
        "medianFirstResponseTime:median:median_time averageFirstResponseTime:average:average_time",
        "T5 firstResponseTime",
        "",
        "STD customFields tags",
        "createdDatetime firstAgentMessageDatetime periodStart",
        "first_human_responses",
    ),
    (
        "response-time",
        "medianResponseTime:median:median_time",
        "T5",
        "",
        "STD customFields tags",
        "createdDatetime periodStart",
        "responses",
    ),
    (
        "messages-per-ticket",
        "averageMessagesCount:average:average",
        "T5 messagesCount",
        "",
        "STD customFields tags",
        "createdDatetime closedDatetime periodStart",
        "messages_of_closed",
    ),
    (
        "ticket-handle-time",
        "averageHandleTime:average:time_per_ticket handleTime:sum:time",
        "T5 handleTime",
        "",
        "STD customFields tags",
        "createdDatetime closedDatetime periodStart",
        "handled",
    ),
    (
        "online-time",
        "onlineTime:sum:time",
        "agentId",
        "one:agentId one:agentIdFromTeamId",
        "",
        "ANY",
        "present",
    ),
    (
        "tags",
        "ticketCount:count:tickets",
        "T5 tagId",
        "date:createdDatetime",
        "STD customFields tags",
        "timestamp",
        "tagged",
    ),
    (
        "ticket-fields",
        "ticketCount:count:tickets",
        "customFieldValue",
        "one:customFieldId one:productId one:integrationChannelPair date:createdDatetime "
        "text:customFieldValueString",
        "STD customFields tags",
        "updatedDatetime",
        "valued",
    ),
    (
        "auto-qa",
        "averageResolutionCompletenessScore:rate:resolution_completeness averageCommunicationSkillsScore:average:communication_skills "
        "averageLanguageProficiencyScore:average:language_proficiency averageAccuracyScore:average:accuracy "
        "averageEfficiencyScore:average:efficiency averageInternalComplianceScore:average:internal_compliance "
        "averageBrandVoiceScore:average:brand_voice ticketCount:count:tickets",
        "T5 ticketQAScorerUserId",
        "one:status one:ticketQAScorerUserId",
        "STD customFields tags",
        "ANY",
        "reviewed",
    ),
    (
        "messages-received",
        "messagesCount:count:rows",
        "T5",
        "",
        "STD customFields tags",
        "sentDatetime periodStart",
        "received",
    ),
    (
        "workload-tickets",
        "ticketCount:count:tickets",
        "ticketId channel",
        "",
        "STD customFields tags",
        "ANY",
        "open",
    ),
    (
        "voice-calls",
        "voiceCallsCount:count:rows averageTalkTimeInSeconds:average:talked averageWaitTimeInSeconds:average:waited "
        "inboundCallsCount:count:inbound outboundCallsCount:count:outbound "
        "inboundAnsweredCallsCount:count:inbound_answered "
        "inboundUnansweredCallsCount:count:inbound_unanswered "
        "inboundMissedCallsCount:count:inbound_missed inboundAbandonedCallsCount:count:inbound_abandoned "
        "inboundCancelledCallsCount:count:inbound_cancelled "
        "inboundCallbackRequestedCallsCount:count:inbound_callback slaAchievementRate:rate: "
        "breachedExposures:count: achievedExposures:count:",
        "agentId filteringAgentId integrationId queueId customerId createdDatetime status duration "
        "source destination callDirection talkTime waitTime voicemailAvailable voicemailUrl "
        "callRecordingAvailable callRecordingUrl displayStatus queueName ticketId isPossibleSpam "
        "callSlaStatus callSlaStatusLabel",
        "one:integrationId one:agentId one:queueId one:callTerminationStatus one:callDirection "
        "one:storeId one:displayStatus one:callSlaStatus one:agentIdFromTeamId number:talkTime "
        "number:waitTime flag:isDuringBusinessHours flag:isAnsweredByAgent",
        "customFields tags",
        "ANY",
        "calls",
    ),
    (
        "voice-agent-events",
        "voiceCallsCount:count:calls_of_agents",
        "agentId integrationId createdDatetime ticketId status transferType transferTargetAgentId "
        "transferTargetExternalNumber transferTargetQueueId assignedAgentId customerId duration source "
        "destination callDirection voicemailAvailable voicemailUrl callRecordingAvailable "
        "callRecordingUrl displayStatus",
        "one:integrationId one:agentId one:storeId one:agentIdFromTeamId flag:transferredCalls "
        "flag:declinedCalls",
        "tags",
        "ANY",
        "call_happenings",
    ),
    (
        "ticket-sla",
        "ticketCount:count:tickets slaAchievementRate:rate:kept",
        "status channel",
        "one:status one:slaPolicyUuid",
        "STD customFields tags",
        "anchorDatetime periodStart createdDatetime",
        "promised",
    ),
    (
        "knowledge-insights",
        "averageSurveyScore:average:score_of_tickets ticketCount:count:distinct_tickets interactionsCount:count:uses",
        "ticketId resourceType resourceSourceId resourceSourceSetId resourceVersion "
        "customFieldTop2LevelsValue createdDatetime",
        "one:storeId one:resourceSourceId one:resourceSourceSetId one:resourceVersion one:customFieldId "
        "text:customFieldValueString",
        "customFields",
        "ANY",
        "uses",
    ),
    (
        "voice-calls-summary",
        "inboundVoiceCallsCount:count:inbound outboundVoiceCallsCount:count:outbound "
        "answeredVoiceCallsCount:count:inbound_answered cancelledVoiceCallsCount:count:inbound_cancelled "
        "abandonedVoiceCallsCount:count:inbound_abandoned missedVoiceCallsCount:count:inbound_missed "
        "unansweredVoiceCallsCount:count:inbound_unanswered "
        "callbackRequestedVoiceCallsCount:count:inbound_callback averageTalkTimeInSeconds:average:talked "
        "averageWaitTimeInSeconds:average:waited slaAchievementRate:rate: breachedExposures:count: "
        "achievedExposures:count:",
        "ALL",
        "one:integrationId one:agentId one:queueId one:agentIdFromTeamId flag:isDuringBusinessHours",
        "",
        "ANY",
        "calls",
    ),
)
