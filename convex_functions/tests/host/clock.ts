// The clock of the host, which tests may put forward: whatever reads the time sees it.

const real = Date.now;
let ahead = 0;

Date.now = () => real() + ahead;

export function advance(milliseconds: number): void {
  ahead += milliseconds;
}

export function resetClock(): void {
  ahead = 0;
}
