// Checks answers as Mastra's own server describes them. Each line on stdin is {route, answer}, with the route as the
// server names it ("GET /agents/:agentId"); the line that comes back lists what is wrong.
import { createInterface } from "node:readline";
import { SERVER_ROUTES } from "@mastra/server/server-adapter";

const schemas = new Map(SERVER_ROUTES.map((route) => [`${route.method} ${route.path}`, route.responseSchema]));

// The server checks what its handlers return, in which times are Dates. In JSON they are text.
function problems(schema, answer) {
  for (let times = 0; ; times = times + 1) {
    const { success, error } = schema.safeParse(answer);
    if (success) return [];
    const issues = error.issues.map((issue) => ({ ...issue, time: timeAt(answer, issue) }));
    if (times > 0 || !issues.every((issue) => issue.time)) return issues.filter((issue) => !issue.time);
    for (const { path, time } of issues) parent(answer, path)[path.at(-1)] = time;
  }
}

function timeAt(answer, { code, expected, path }) {
  const text = code === "invalid_type" && expected === "date" ? parent(answer, path)[path.at(-1)] : undefined;
  return typeof text === "string" && !Number.isNaN(Date.parse(text)) ? new Date(text) : undefined;
}

function parent(answer, path) {
  return path.slice(0, -1).reduce((value, key) => value[key], answer);
}

for await (const line of createInterface({ input: process.stdin })) {
  const { route, answer } = JSON.parse(line);
  const schema = schemas.get(route);
  const found = schema ? problems(schema, answer) : [{ message: `no route ${route}` }];
  console.log(JSON.stringify(found.map(({ path, message }) => `${(path ?? []).join(".")}: ${message}`)));
}
