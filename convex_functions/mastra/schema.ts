// Generated from the table declarations in Python by `mastra-convex schema`. Do not edit.

import { defineTable } from "convex/server";
import { v } from "convex/values";

/** Of the package that made these functions. */
export const version = "0.1.0";

export const mastraTables = {
  mastra_ai_spans: defineTable({
    traceId: v.string(),
    spanId: v.string(),
    parentSpanId: v.optional(v.string()),
    name: v.string(),
    spanType: v.string(),
    isEvent: v.boolean(),
    startedAt: v.string(),
    endedAt: v.optional(v.string()),
    entityType: v.optional(v.string()),
    entityId: v.optional(v.string()),
    entityName: v.optional(v.string()),
    entityVersionId: v.optional(v.string()),
    parentEntityType: v.optional(v.string()),
    parentEntityId: v.optional(v.string()),
    parentEntityName: v.optional(v.string()),
    parentEntityVersionId: v.optional(v.string()),
    rootEntityType: v.optional(v.string()),
    rootEntityId: v.optional(v.string()),
    rootEntityName: v.optional(v.string()),
    rootEntityVersionId: v.optional(v.string()),
    userId: v.optional(v.string()),
    organizationId: v.optional(v.string()),
    resourceId: v.optional(v.string()),
    runId: v.optional(v.string()),
    sessionId: v.optional(v.string()),
    threadId: v.optional(v.string()),
    requestId: v.optional(v.string()),
    environment: v.optional(v.string()),
    serviceName: v.optional(v.string()),
    source: v.optional(v.string()),
    experimentId: v.optional(v.string()),
    scope: v.optional(v.any()),
    metadata: v.optional(v.any()),
    attributes: v.optional(v.any()),
    requestContext: v.optional(v.any()),
    tags: v.optional(v.any()),
    links: v.optional(v.any()),
    input: v.optional(v.any()),
    output: v.optional(v.any()),
    error: v.optional(v.any()),
    createdAt: v.optional(v.string()),
    updatedAt: v.optional(v.string()),
  })
    .index("by_span", ["traceId", "spanId"])
    .index("by_trace_started", ["traceId", "startedAt"])
    .index("by_type_started", ["spanType", "startedAt"]),
  mastra_background_tasks: defineTable({
    id: v.string(),
    tool_call_id: v.string(),
    tool_name: v.string(),
    agent_id: v.string(),
    run_id: v.string(),
    thread_id: v.union(v.string(), v.null()),
    resource_id: v.union(v.string(), v.null()),
    status: v.string(),
    args: v.string(),
    result: v.optional(v.union(v.string(), v.null())),
    error: v.optional(v.union(v.string(), v.null())),
    suspend_payload: v.optional(v.union(v.string(), v.null())),
    retry_count: v.number(),
    max_retries: v.number(),
    timeout_ms: v.number(),
    createdAt: v.string(),
    startedAt: v.union(v.string(), v.null()),
    suspendedAt: v.union(v.string(), v.null()),
    completedAt: v.union(v.string(), v.null()),
  })
    .index("by_record_id", ["id"])
    .index("by_status_created", ["status", "createdAt"])
    .index("by_agent_status", ["agent_id", "status"])
    .index("by_run", ["run_id"])
    .index("by_tool_call", ["tool_call_id"])
    .index("by_thread", ["thread_id"])
    .index("by_resource", ["resource_id"])
    .index("by_tool", ["tool_name"])
    .index("by_created", ["createdAt"])
    .index("by_agent_created", ["agent_id", "createdAt"])
    .index("by_thread_created", ["thread_id", "createdAt"])
    .index("by_resource_created", ["resource_id", "createdAt"])
    .index("by_tool_created", ["tool_name", "createdAt"]),
  mastra_cache: defineTable({
    key: v.string(),
    keyPrefix: v.string(),
    kind: v.string(),
    value: v.optional(v.string()),
    counter: v.optional(v.number()),
    expiresAt: v.union(v.number(), v.null()),
  })
    .index("by_key", ["key"])
    .index("by_key_prefix", ["keyPrefix"])
    .index("by_expires", ["expiresAt"]),
  mastra_cache_list_items: defineTable({
    key: v.string(),
    keyPrefix: v.string(),
    index: v.number(),
    value: v.string(),
  })
    .index("by_key_prefix", ["keyPrefix"])
    .index("by_key_index", ["key", "index"]),
  mastra_channel_config: defineTable({
    id: v.string(),
    platform: v.string(),
    data: v.string(),
    updatedAt: v.string(),
  })
    .index("by_record_id", ["id"])
    .index("by_platform", ["platform"]),
  mastra_channel_installations: defineTable({
    id: v.string(),
    platform: v.string(),
    agentId: v.string(),
    status: v.string(),
    webhookId: v.optional(v.union(v.string(), v.null())),
    data: v.string(),
    configHash: v.optional(v.union(v.string(), v.null())),
    error: v.optional(v.union(v.string(), v.null())),
    createdAt: v.string(),
    updatedAt: v.string(),
  })
    .index("by_record_id", ["id"])
    .index("by_webhook", ["webhookId"])
    .index("by_platform_agent", ["platform", "agentId"])
    .index("by_platform", ["platform"]),
  mastra_chunks: defineTable({
    generation: v.string(),
    position: v.number(),
    data: v.string(),
  }).index("by_generation", ["generation", "position"]),
  mastra_documents: defineTable({
    table: v.string(),
    primaryKey: v.string(),
    record: v.any(),
  })
    .index("by_table", ["table"])
    .index("by_table_primary", ["table", "primaryKey"]),
  mastra_large_values: defineTable({
    id: v.string(),
    owner: v.string(),
    chunks: v.number(),
    state: v.string(),
    since: v.number(),
  })
    .index("by_record_id", ["id"])
    .index("by_state", ["state", "since"]),
  mastra_messages: defineTable({
    id: v.string(),
    thread_id: v.string(),
    content: v.string(),
    role: v.string(),
    type: v.string(),
    createdAt: v.string(),
    resourceId: v.optional(v.string()),
  })
    .index("by_record_id", ["id"])
    .index("by_thread", ["thread_id"])
    .index("by_thread_created", ["thread_id", "createdAt"])
    .index("by_resource", ["resourceId"])
    .index("by_resource_created", ["resourceId", "createdAt"])
    .index("by_created", ["createdAt"]),
  mastra_observational_memory: defineTable({
    id: v.string(),
    lookupKey: v.string(),
    scope: v.string(),
    resourceId: v.optional(v.union(v.string(), v.null())),
    threadId: v.optional(v.union(v.string(), v.null())),
    activeObservations: v.string(),
    activeObservationsPendingUpdate: v.optional(v.union(v.string(), v.null())),
    originType: v.string(),
    config: v.string(),
    generationCount: v.number(),
    lastObservedAt: v.optional(v.union(v.string(), v.null())),
    lastReflectionAt: v.optional(v.union(v.string(), v.null())),
    pendingMessageTokens: v.number(),
    totalTokensObserved: v.number(),
    observationTokenCount: v.number(),
    isObserving: v.boolean(),
    isReflecting: v.boolean(),
    observedMessageIds: v.optional(v.union(v.array(v.string()), v.null())),
    observedTimezone: v.optional(v.union(v.string(), v.null())),
    bufferedObservations: v.optional(v.union(v.string(), v.null())),
    bufferedObservationTokens: v.optional(v.union(v.number(), v.null())),
    bufferedMessageIds: v.optional(v.union(v.array(v.string()), v.null())),
    bufferedReflection: v.optional(v.union(v.string(), v.null())),
    bufferedReflectionTokens: v.optional(v.union(v.number(), v.null())),
    bufferedReflectionInputTokens: v.optional(v.union(v.number(), v.null())),
    reflectedObservationLineCount: v.optional(v.union(v.number(), v.null())),
    bufferedObservationChunks: v.optional(v.union(v.string(), v.null())),
    isBufferingObservation: v.boolean(),
    isBufferingReflection: v.boolean(),
    lastBufferedAtTokens: v.number(),
    lastBufferedAtTime: v.optional(v.union(v.string(), v.null())),
    metadata: v.optional(v.union(v.string(), v.null())),
    createdAt: v.string(),
    updatedAt: v.string(),
  })
    .index("by_record_id", ["id"])
    .index("by_lookup_key", ["lookupKey", "generationCount"])
    .index("by_thread", ["threadId"])
    .index("by_updated", ["updatedAt"]),
  mastra_receipts: defineTable({
    id: v.string(),
    outcome: v.string(),
  }).index("by_record_id", ["id"]),
  mastra_resources: defineTable({
    id: v.string(),
    workingMemory: v.optional(v.string()),
    metadata: v.optional(v.any()),
    createdAt: v.string(),
    updatedAt: v.string(),
  })
    .index("by_record_id", ["id"])
    .index("by_updated", ["updatedAt"])
    .index("by_created", ["createdAt"]),
  mastra_schedule_triggers: defineTable({
    id: v.string(),
    schedule_id: v.string(),
    run_id: v.optional(v.union(v.string(), v.null())),
    scheduled_fire_at: v.number(),
    actual_fire_at: v.number(),
    outcome: v.string(),
    error: v.optional(v.union(v.string(), v.null())),
    trigger_kind: v.string(),
    parent_trigger_id: v.optional(v.union(v.string(), v.null())),
    metadata: v.optional(v.union(v.string(), v.null())),
  })
    .index("by_record_id", ["id"])
    .index("by_schedule_actual", ["schedule_id", "actual_fire_at"])
    .index("by_parent_trigger", ["parent_trigger_id"])
    .index("by_actual", ["actual_fire_at"]),
  mastra_schedules: defineTable({
    id: v.string(),
    target: v.string(),
    cron: v.string(),
    timezone: v.optional(v.union(v.string(), v.null())),
    status: v.string(),
    next_fire_at: v.number(),
    last_fire_at: v.optional(v.union(v.number(), v.null())),
    last_run_id: v.optional(v.union(v.string(), v.null())),
    created_at: v.number(),
    updated_at: v.number(),
    metadata: v.optional(v.union(v.string(), v.null())),
    owner_type: v.optional(v.union(v.string(), v.null())),
    owner_id: v.optional(v.union(v.string(), v.null())),
    workflow_id: v.optional(v.union(v.string(), v.null())),
  })
    .index("by_record_id", ["id"])
    .index("by_status_next_fire_at", ["status", "next_fire_at"])
    .index("by_workflow_status", ["workflow_id", "status"])
    .index("by_workflow_id", ["workflow_id"])
    .index("by_owner", ["owner_type", "owner_id"])
    .index("by_owner_id", ["owner_id"])
    .index("by_created", ["created_at"]),
  mastra_scorers: defineTable({
    id: v.string(),
    scorerId: v.string(),
    traceId: v.optional(v.string()),
    spanId: v.optional(v.string()),
    runId: v.string(),
    scorer: v.any(),
    preprocessStepResult: v.optional(v.any()),
    extractStepResult: v.optional(v.any()),
    analyzeStepResult: v.optional(v.any()),
    score: v.number(),
    reason: v.optional(v.string()),
    metadata: v.optional(v.any()),
    preprocessPrompt: v.optional(v.string()),
    extractPrompt: v.optional(v.string()),
    generateScorePrompt: v.optional(v.string()),
    generateReasonPrompt: v.optional(v.string()),
    analyzePrompt: v.optional(v.string()),
    reasonPrompt: v.optional(v.string()),
    input: v.any(),
    output: v.any(),
    additionalContext: v.optional(v.any()),
    requestContext: v.optional(v.any()),
    entityType: v.optional(v.string()),
    entity: v.optional(v.any()),
    entityId: v.optional(v.string()),
    source: v.string(),
    resourceId: v.optional(v.string()),
    threadId: v.optional(v.string()),
    organizationId: v.optional(v.string()),
    projectId: v.optional(v.string()),
    batchId: v.optional(v.string()),
    datasetId: v.optional(v.string()),
    datasetItemId: v.optional(v.string()),
    createdAt: v.string(),
    updatedAt: v.string(),
  })
    .index("by_record_id", ["id"])
    .index("by_scorer", ["scorerId"])
    .index("by_entity", ["entityId", "entityType"])
    .index("by_run", ["runId"])
    .index("by_created", ["createdAt"])
    .index("by_scorer_created", ["scorerId", "createdAt"])
    .index("by_entity_created", ["entityId", "entityType", "createdAt"])
    .index("by_run_created", ["runId", "createdAt"])
    .index("by_span_created", ["traceId", "spanId", "createdAt"]),
  mastra_thread_state: defineTable({
    threadId: v.string(),
    type: v.string(),
    value: v.string(),
    createdAt: v.string(),
    updatedAt: v.string(),
  })
    .index("by_thread_type", ["threadId", "type"])
    .index("by_updated", ["updatedAt"]),
  mastra_threads: defineTable({
    id: v.string(),
    resourceId: v.string(),
    title: v.string(),
    metadata: v.optional(v.any()),
    createdAt: v.string(),
    updatedAt: v.string(),
  })
    .index("by_record_id", ["id"])
    .index("by_resource", ["resourceId"])
    .index("by_created", ["createdAt"])
    .index("by_updated", ["updatedAt"])
    .index("by_resource_created", ["resourceId", "createdAt"])
    .index("by_resource_updated", ["resourceId", "updatedAt"]),
  mastra_trace_roots: defineTable({
    id: v.string(),
    rootSpanId: v.optional(v.string()),
    name: v.optional(v.string()),
    spanType: v.optional(v.string()),
    isEvent: v.optional(v.boolean()),
    startedAt: v.optional(v.string()),
    endedAt: v.optional(v.string()),
    status: v.optional(v.string()),
    entityType: v.optional(v.string()),
    entityId: v.optional(v.string()),
    entityName: v.optional(v.string()),
    entityVersionId: v.optional(v.string()),
    parentEntityType: v.optional(v.string()),
    parentEntityId: v.optional(v.string()),
    parentEntityName: v.optional(v.string()),
    parentEntityVersionId: v.optional(v.string()),
    rootEntityType: v.optional(v.string()),
    rootEntityId: v.optional(v.string()),
    rootEntityName: v.optional(v.string()),
    rootEntityVersionId: v.optional(v.string()),
    userId: v.optional(v.string()),
    organizationId: v.optional(v.string()),
    resourceId: v.optional(v.string()),
    runId: v.optional(v.string()),
    sessionId: v.optional(v.string()),
    threadId: v.optional(v.string()),
    requestId: v.optional(v.string()),
    environment: v.optional(v.string()),
    serviceName: v.optional(v.string()),
    source: v.optional(v.string()),
    experimentId: v.optional(v.string()),
    scope: v.optional(v.any()),
    metadata: v.optional(v.any()),
    tags: v.optional(v.any()),
    error: v.optional(v.any()),
    inputPreview: v.optional(v.string()),
    hasChildError: v.optional(v.boolean()),
    marks: v.optional(v.any()),
    createdAt: v.optional(v.string()),
    updatedAt: v.string(),
  })
    .index("by_record_id", ["id"])
    .index("by_started", ["startedAt"])
    .index("by_ended", ["endedAt"])
    .index("by_updated", ["updatedAt"])
    .index("by_thread_started", ["threadId", "startedAt"])
    .index("by_run_started", ["runId", "startedAt"])
    .index("by_resource_started", ["resourceId", "startedAt"])
    .index("by_session_started", ["sessionId", "startedAt"])
    .index("by_user_started", ["userId", "startedAt"])
    .index("by_entity_id_started", ["entityId", "startedAt"])
    .index("by_entity_name_started", ["entityName", "startedAt"])
    .index("by_status_started", ["status", "startedAt"])
    .index("by_organization_started", ["organizationId", "startedAt"])
    .index("by_request_started", ["requestId", "startedAt"])
    .index("by_experiment_started", ["experimentId", "startedAt"])
    .index("by_service_started", ["serviceName", "startedAt"])
    .index("by_environment_started", ["environment", "startedAt"])
    .index("by_source_started", ["source", "startedAt"])
    .index("by_entity_type_started", ["entityType", "startedAt"])
    .index("by_type_started", ["spanType", "startedAt"])
    .index("by_child_error_started", ["hasChildError", "startedAt"])
    .index("by_entity", ["entityType", "entityName"]),
  mastra_vector_indexes: defineTable({
    id: v.string(),
    indexName: v.string(),
    dimension: v.number(),
    metric: v.string(),
    createdAt: v.string(),
  })
    .index("by_record_id", ["id"])
    .index("by_name", ["indexName"]),
  mastra_vectors: defineTable({
    id: v.string(),
    indexName: v.string(),
    embedding: v.array(v.float64()),
    metadata: v.optional(v.any()),
  })
    .index("by_index_id", ["indexName", "id"])
    .index("by_index", ["indexName"])
    .index("by_record_id", ["id"])
    .index("by_metadata_resource", ["metadata.resource_id"])
    .index("by_metadata_thread", ["metadata.thread_id"])
    .vectorIndex("by_embedding_1536", {
      vectorField: "embedding",
      dimensions: 1536,
      filterFields: ["indexName", "metadata.resource_id", "metadata.thread_id"],
    }),
  mastra_workflow_claims: defineTable({
    workflow_name: v.string(),
    run_id: v.string(),
    owner: v.optional(v.string()),
    fence: v.number(),
    claimed_at: v.string(),
    expires_at: v.optional(v.string()),
  })
    .index("by_workflow_run", ["workflow_name", "run_id"])
    .index("by_expires", ["expires_at"]),
  mastra_workflow_snapshots: defineTable({
    id: v.optional(v.string()),
    workflow_name: v.string(),
    run_id: v.string(),
    resourceId: v.optional(v.string()),
    snapshot: v.any(),
    createdAt: v.string(),
    updatedAt: v.string(),
  })
    .index("by_record_id", ["id"])
    .index("by_workflow_run", ["workflow_name", "run_id"])
    .index("by_workflow", ["workflow_name"])
    .index("by_resource", ["resourceId"])
    .index("by_created", ["createdAt"])
    .index("by_workflow_created", ["workflow_name", "createdAt"])
    .index("by_resource_created", ["resourceId", "createdAt"])
    .index("by_run_created", ["run_id", "createdAt"])
    .index("by_updated", ["updatedAt"]),
};

/** What the functions know about a table. */
export type TableLayout = {
  /** The index by whose fields rows are got, put, patched and deleted. */
  readonly key: string;
  /** The declared columns. */
  readonly fields: readonly string[];
  /** Columns that hold JSON text. */
  readonly json: readonly string[];
  /** Columns that hold raw JSON values. */
  readonly raw: readonly string[];
  /** Columns that hold vectors. */
  readonly floats: readonly string[];
  /** Columns whose values may be kept in chunks. */
  readonly large: readonly string[];
  /** The fields of each index. */
  readonly indexes: { readonly [index: string]: readonly string[] };
  /** The vector indexes. */
  readonly vectorIndexes: { readonly [index: string]: VectorIndexLayout };
};

/** A vector index, and what it filters by, from the least to the most selective. */
export type VectorIndexLayout = {
  readonly field: string;
  readonly dimensions: number;
  readonly filters: readonly string[];
};

export const layout: { readonly [table: string]: TableLayout } = {
  mastra_ai_spans: {
    key: "by_span",
    fields: [
      "traceId",
      "spanId",
      "parentSpanId",
      "name",
      "spanType",
      "isEvent",
      "startedAt",
      "endedAt",
      "entityType",
      "entityId",
      "entityName",
      "entityVersionId",
      "parentEntityType",
      "parentEntityId",
      "parentEntityName",
      "parentEntityVersionId",
      "rootEntityType",
      "rootEntityId",
      "rootEntityName",
      "rootEntityVersionId",
      "userId",
      "organizationId",
      "resourceId",
      "runId",
      "sessionId",
      "threadId",
      "requestId",
      "environment",
      "serviceName",
      "source",
      "experimentId",
      "scope",
      "metadata",
      "attributes",
      "requestContext",
      "tags",
      "links",
      "input",
      "output",
      "error",
      "createdAt",
      "updatedAt",
    ],
    json: ["scope", "metadata", "attributes", "requestContext", "tags", "links", "input", "output", "error"],
    raw: [],
    floats: [],
    large: ["metadata", "attributes", "requestContext", "links", "input", "output", "error"],
    indexes: {
      by_span: ["traceId", "spanId"],
      by_trace_started: ["traceId", "startedAt"],
      by_type_started: ["spanType", "startedAt"],
    },
    vectorIndexes: {},
  },
  mastra_background_tasks: {
    key: "by_record_id",
    fields: [
      "id",
      "tool_call_id",
      "tool_name",
      "agent_id",
      "run_id",
      "thread_id",
      "resource_id",
      "status",
      "args",
      "result",
      "error",
      "suspend_payload",
      "retry_count",
      "max_retries",
      "timeout_ms",
      "createdAt",
      "startedAt",
      "suspendedAt",
      "completedAt",
    ],
    json: ["args", "result", "error", "suspend_payload"],
    raw: [],
    floats: [],
    large: ["args", "result", "error", "suspend_payload"],
    indexes: {
      by_record_id: ["id"],
      by_status_created: ["status", "createdAt"],
      by_agent_status: ["agent_id", "status"],
      by_run: ["run_id"],
      by_tool_call: ["tool_call_id"],
      by_thread: ["thread_id"],
      by_resource: ["resource_id"],
      by_tool: ["tool_name"],
      by_created: ["createdAt"],
      by_agent_created: ["agent_id", "createdAt"],
      by_thread_created: ["thread_id", "createdAt"],
      by_resource_created: ["resource_id", "createdAt"],
      by_tool_created: ["tool_name", "createdAt"],
    },
    vectorIndexes: {},
  },
  mastra_cache: {
    key: "by_key",
    fields: ["key", "keyPrefix", "kind", "value", "counter", "expiresAt"],
    json: ["value"],
    raw: [],
    floats: [],
    large: ["value"],
    indexes: {
      by_key: ["key"],
      by_key_prefix: ["keyPrefix"],
      by_expires: ["expiresAt"],
    },
    vectorIndexes: {},
  },
  mastra_cache_list_items: {
    key: "by_key_index",
    fields: ["key", "keyPrefix", "index", "value"],
    json: ["value"],
    raw: [],
    floats: [],
    large: ["value"],
    indexes: {
      by_key_prefix: ["keyPrefix"],
      by_key_index: ["key", "index"],
    },
    vectorIndexes: {},
  },
  mastra_channel_config: {
    key: "by_record_id",
    fields: ["id", "platform", "data", "updatedAt"],
    json: ["data"],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_record_id: ["id"],
      by_platform: ["platform"],
    },
    vectorIndexes: {},
  },
  mastra_channel_installations: {
    key: "by_record_id",
    fields: [
      "id",
      "platform",
      "agentId",
      "status",
      "webhookId",
      "data",
      "configHash",
      "error",
      "createdAt",
      "updatedAt",
    ],
    json: ["data"],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_record_id: ["id"],
      by_webhook: ["webhookId"],
      by_platform_agent: ["platform", "agentId"],
      by_platform: ["platform"],
    },
    vectorIndexes: {},
  },
  mastra_chunks: {
    key: "by_generation",
    fields: ["generation", "position", "data"],
    json: [],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_generation: ["generation", "position"],
    },
    vectorIndexes: {},
  },
  mastra_documents: {
    key: "by_table_primary",
    fields: ["table", "primaryKey", "record"],
    json: [],
    raw: ["record"],
    floats: [],
    large: ["record"],
    indexes: {
      by_table: ["table"],
      by_table_primary: ["table", "primaryKey"],
    },
    vectorIndexes: {},
  },
  mastra_large_values: {
    key: "by_record_id",
    fields: ["id", "owner", "chunks", "state", "since"],
    json: [],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_record_id: ["id"],
      by_state: ["state", "since"],
    },
    vectorIndexes: {},
  },
  mastra_messages: {
    key: "by_record_id",
    fields: ["id", "thread_id", "content", "role", "type", "createdAt", "resourceId"],
    json: ["content"],
    raw: [],
    floats: [],
    large: ["content"],
    indexes: {
      by_record_id: ["id"],
      by_thread: ["thread_id"],
      by_thread_created: ["thread_id", "createdAt"],
      by_resource: ["resourceId"],
      by_resource_created: ["resourceId", "createdAt"],
      by_created: ["createdAt"],
    },
    vectorIndexes: {},
  },
  mastra_observational_memory: {
    key: "by_record_id",
    fields: [
      "id",
      "lookupKey",
      "scope",
      "resourceId",
      "threadId",
      "activeObservations",
      "activeObservationsPendingUpdate",
      "originType",
      "config",
      "generationCount",
      "lastObservedAt",
      "lastReflectionAt",
      "pendingMessageTokens",
      "totalTokensObserved",
      "observationTokenCount",
      "isObserving",
      "isReflecting",
      "observedMessageIds",
      "observedTimezone",
      "bufferedObservations",
      "bufferedObservationTokens",
      "bufferedMessageIds",
      "bufferedReflection",
      "bufferedReflectionTokens",
      "bufferedReflectionInputTokens",
      "reflectedObservationLineCount",
      "bufferedObservationChunks",
      "isBufferingObservation",
      "isBufferingReflection",
      "lastBufferedAtTokens",
      "lastBufferedAtTime",
      "metadata",
      "createdAt",
      "updatedAt",
    ],
    json: ["config", "bufferedObservationChunks", "metadata"],
    raw: [],
    floats: [],
    large: [
      "activeObservations",
      "activeObservationsPendingUpdate",
      "bufferedObservations",
      "bufferedReflection",
      "bufferedObservationChunks",
    ],
    indexes: {
      by_record_id: ["id"],
      by_lookup_key: ["lookupKey", "generationCount"],
      by_thread: ["threadId"],
      by_updated: ["updatedAt"],
    },
    vectorIndexes: {},
  },
  mastra_receipts: {
    key: "by_record_id",
    fields: ["id", "outcome"],
    json: ["outcome"],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_record_id: ["id"],
    },
    vectorIndexes: {},
  },
  mastra_resources: {
    key: "by_record_id",
    fields: ["id", "workingMemory", "metadata", "createdAt", "updatedAt"],
    json: [],
    raw: ["metadata"],
    floats: [],
    large: ["workingMemory"],
    indexes: {
      by_record_id: ["id"],
      by_updated: ["updatedAt"],
      by_created: ["createdAt"],
    },
    vectorIndexes: {},
  },
  mastra_schedule_triggers: {
    key: "by_record_id",
    fields: [
      "id",
      "schedule_id",
      "run_id",
      "scheduled_fire_at",
      "actual_fire_at",
      "outcome",
      "error",
      "trigger_kind",
      "parent_trigger_id",
      "metadata",
    ],
    json: ["metadata"],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_record_id: ["id"],
      by_schedule_actual: ["schedule_id", "actual_fire_at"],
      by_parent_trigger: ["parent_trigger_id"],
      by_actual: ["actual_fire_at"],
    },
    vectorIndexes: {},
  },
  mastra_schedules: {
    key: "by_record_id",
    fields: [
      "id",
      "target",
      "cron",
      "timezone",
      "status",
      "next_fire_at",
      "last_fire_at",
      "last_run_id",
      "created_at",
      "updated_at",
      "metadata",
      "owner_type",
      "owner_id",
      "workflow_id",
    ],
    json: ["target", "metadata"],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_record_id: ["id"],
      by_status_next_fire_at: ["status", "next_fire_at"],
      by_workflow_status: ["workflow_id", "status"],
      by_workflow_id: ["workflow_id"],
      by_owner: ["owner_type", "owner_id"],
      by_owner_id: ["owner_id"],
      by_created: ["created_at"],
    },
    vectorIndexes: {},
  },
  mastra_scorers: {
    key: "by_record_id",
    fields: [
      "id",
      "scorerId",
      "traceId",
      "spanId",
      "runId",
      "scorer",
      "preprocessStepResult",
      "extractStepResult",
      "analyzeStepResult",
      "score",
      "reason",
      "metadata",
      "preprocessPrompt",
      "extractPrompt",
      "generateScorePrompt",
      "generateReasonPrompt",
      "analyzePrompt",
      "reasonPrompt",
      "input",
      "output",
      "additionalContext",
      "requestContext",
      "entityType",
      "entity",
      "entityId",
      "source",
      "resourceId",
      "threadId",
      "organizationId",
      "projectId",
      "batchId",
      "datasetId",
      "datasetItemId",
      "createdAt",
      "updatedAt",
    ],
    json: [],
    raw: [
      "scorer",
      "preprocessStepResult",
      "extractStepResult",
      "analyzeStepResult",
      "metadata",
      "input",
      "output",
      "additionalContext",
      "requestContext",
      "entity",
    ],
    floats: [],
    large: [
      "scorer",
      "preprocessStepResult",
      "extractStepResult",
      "analyzeStepResult",
      "reason",
      "metadata",
      "preprocessPrompt",
      "extractPrompt",
      "generateScorePrompt",
      "generateReasonPrompt",
      "analyzePrompt",
      "reasonPrompt",
      "input",
      "output",
      "additionalContext",
      "requestContext",
      "entity",
    ],
    indexes: {
      by_record_id: ["id"],
      by_scorer: ["scorerId"],
      by_entity: ["entityId", "entityType"],
      by_run: ["runId"],
      by_created: ["createdAt"],
      by_scorer_created: ["scorerId", "createdAt"],
      by_entity_created: ["entityId", "entityType", "createdAt"],
      by_run_created: ["runId", "createdAt"],
      by_span_created: ["traceId", "spanId", "createdAt"],
    },
    vectorIndexes: {},
  },
  mastra_thread_state: {
    key: "by_thread_type",
    fields: ["threadId", "type", "value", "createdAt", "updatedAt"],
    json: ["value"],
    raw: [],
    floats: [],
    large: ["value"],
    indexes: {
      by_thread_type: ["threadId", "type"],
      by_updated: ["updatedAt"],
    },
    vectorIndexes: {},
  },
  mastra_threads: {
    key: "by_record_id",
    fields: ["id", "resourceId", "title", "metadata", "createdAt", "updatedAt"],
    json: [],
    raw: ["metadata"],
    floats: [],
    large: [],
    indexes: {
      by_record_id: ["id"],
      by_resource: ["resourceId"],
      by_created: ["createdAt"],
      by_updated: ["updatedAt"],
      by_resource_created: ["resourceId", "createdAt"],
      by_resource_updated: ["resourceId", "updatedAt"],
    },
    vectorIndexes: {},
  },
  mastra_trace_roots: {
    key: "by_record_id",
    fields: [
      "id",
      "rootSpanId",
      "name",
      "spanType",
      "isEvent",
      "startedAt",
      "endedAt",
      "status",
      "entityType",
      "entityId",
      "entityName",
      "entityVersionId",
      "parentEntityType",
      "parentEntityId",
      "parentEntityName",
      "parentEntityVersionId",
      "rootEntityType",
      "rootEntityId",
      "rootEntityName",
      "rootEntityVersionId",
      "userId",
      "organizationId",
      "resourceId",
      "runId",
      "sessionId",
      "threadId",
      "requestId",
      "environment",
      "serviceName",
      "source",
      "experimentId",
      "scope",
      "metadata",
      "tags",
      "error",
      "inputPreview",
      "hasChildError",
      "marks",
      "createdAt",
      "updatedAt",
    ],
    json: ["scope", "metadata", "tags", "error", "marks"],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_record_id: ["id"],
      by_started: ["startedAt"],
      by_ended: ["endedAt"],
      by_updated: ["updatedAt"],
      by_thread_started: ["threadId", "startedAt"],
      by_run_started: ["runId", "startedAt"],
      by_resource_started: ["resourceId", "startedAt"],
      by_session_started: ["sessionId", "startedAt"],
      by_user_started: ["userId", "startedAt"],
      by_entity_id_started: ["entityId", "startedAt"],
      by_entity_name_started: ["entityName", "startedAt"],
      by_status_started: ["status", "startedAt"],
      by_organization_started: ["organizationId", "startedAt"],
      by_request_started: ["requestId", "startedAt"],
      by_experiment_started: ["experimentId", "startedAt"],
      by_service_started: ["serviceName", "startedAt"],
      by_environment_started: ["environment", "startedAt"],
      by_source_started: ["source", "startedAt"],
      by_entity_type_started: ["entityType", "startedAt"],
      by_type_started: ["spanType", "startedAt"],
      by_child_error_started: ["hasChildError", "startedAt"],
      by_entity: ["entityType", "entityName"],
    },
    vectorIndexes: {},
  },
  mastra_vector_indexes: {
    key: "by_record_id",
    fields: ["id", "indexName", "dimension", "metric", "createdAt"],
    json: [],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_record_id: ["id"],
      by_name: ["indexName"],
    },
    vectorIndexes: {},
  },
  mastra_vectors: {
    key: "by_index_id",
    fields: ["id", "indexName", "embedding", "metadata"],
    json: [],
    raw: ["metadata"],
    floats: ["embedding"],
    large: [],
    indexes: {
      by_index_id: ["indexName", "id"],
      by_index: ["indexName"],
      by_record_id: ["id"],
      by_metadata_resource: ["metadata.resource_id"],
      by_metadata_thread: ["metadata.thread_id"],
    },
    vectorIndexes: {
      by_embedding_1536: {
        field: "embedding",
        dimensions: 1536,
        filters: ["indexName", "metadata.resource_id", "metadata.thread_id"],
      },
    },
  },
  mastra_workflow_claims: {
    key: "by_workflow_run",
    fields: ["workflow_name", "run_id", "owner", "fence", "claimed_at", "expires_at"],
    json: [],
    raw: [],
    floats: [],
    large: [],
    indexes: {
      by_workflow_run: ["workflow_name", "run_id"],
      by_expires: ["expires_at"],
    },
    vectorIndexes: {},
  },
  mastra_workflow_snapshots: {
    key: "by_workflow_run",
    fields: ["id", "workflow_name", "run_id", "resourceId", "snapshot", "createdAt", "updatedAt"],
    json: ["snapshot"],
    raw: [],
    floats: [],
    large: ["snapshot"],
    indexes: {
      by_record_id: ["id"],
      by_workflow_run: ["workflow_name", "run_id"],
      by_workflow: ["workflow_name"],
      by_resource: ["resourceId"],
      by_created: ["createdAt"],
      by_workflow_created: ["workflow_name", "createdAt"],
      by_resource_created: ["resourceId", "createdAt"],
      by_run_created: ["run_id", "createdAt"],
      by_updated: ["updatedAt"],
    },
    vectorIndexes: {},
  },
};
