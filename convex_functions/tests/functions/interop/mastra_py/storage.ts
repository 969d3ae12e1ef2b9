export * from "../../../../mastra/storage";
