// Shows stored messages as Mastra does: what its user interfaces get, and the prompt of the next turn.
//
// One JSON object per line on stdin: {messages: [...]}, as a store returns them,
// and one per line on stdout, in the same order: {v4: [...], v5: [...], v6: [...], prompt: [...]} or {error}

import { Console } from 'node:console';
import { createInterface } from 'node:readline';
import { MessageList } from '@mastra/core/agent';

globalThis.console = new Console(process.stderr); // stdout is for answers alone

const supportedUrls = { '*': [/.*/] }; // so that nothing is downloaded

async function views({ messages }) {
  const list = new MessageList({ threadId: messages[0].threadId, resourceId: messages[0].resourceId });
  for (const message of messages) list.add({ ...message, createdAt: new Date(message.createdAt) }, 'memory');
  const all = list.get.all;
  const prompt = await all.aiV5.llmPrompt({ supportedUrls });
  return { v4: all.aiV4.ui(), v5: all.aiV5.ui(), v6: all.aiV6.ui(), prompt };
}

for await (const line of createInterface({ input: process.stdin })) {
  if (!line.trim()) continue;
  const answer = await views(JSON.parse(line)).catch((error) => ({ error: error.message }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
