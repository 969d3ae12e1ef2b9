// A user's convex/ folder with nothing but our tables and functions.

import { defineSchema } from "convex/server";
import { mastraTables } from "../../../mastra/schema";

export default defineSchema(mastraTables);
