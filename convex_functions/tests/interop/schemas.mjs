// Holds answers of another language against the schemas of @mastra/core.
//
// One JSON array of [schema, answer] on stdin; one on stdout, of what is wrong with each: null, or a list of problems.

import { text } from 'node:stream/consumers';
import * as storage from '@mastra/core/storage';

const ISO = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
const revive = (key, value) => (/At$/.test(key) && ISO.test(value) ? new Date(value) : value);

const told = JSON.parse(await text(process.stdin), revive);
const problems = told.map(([schema, answer]) => storage[schema].safeParse(answer).error?.issues ?? null);
process.stdout.write(JSON.stringify(problems));
