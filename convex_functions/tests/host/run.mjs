// Starts main.ts from any working directory; `node --import tsx` would look for tsx in that one.
import { register } from 'tsx/esm/api';

register();
await import('./main.ts');
