// A module loader hook: lets the host import what convex-test keeps to itself.
// convex-test is pinned to an exact version in package.json because of this.

const NAMES = [
  'DatabaseFake',
  'TransactionMetricsTracker',
  'evaluateFieldPath',
  'evaluateFilter',
  'evaluateQueryValue',
  'tableNameFromId',
  'validateIndexRangeExpression',
];

export async function load(url, context, nextLoad) {
  const loaded = await nextLoad(url, context);
  if (!/\/convex-test\/dist\/index\.js($|\?)/.test(url)) return loaded;
  return { ...loaded, source: `${loaded.source}\nexport { ${NAMES.join(', ')} };\n` };
}
