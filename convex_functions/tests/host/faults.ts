// Faults on request: system errors without running the mutation, or answers that get lost.

export type Fault = { mode: "error"; status: number; code: string } | { mode: "drop" };

interface Plan {
  every: number;
  mode?: "error" | "drop";
  code?: string;
  status?: number;
}

let plan: Plan = { every: 0 };
let mutations = 0;

export function setFaults(next: Plan): void {
  plan = next;
  mutations = 0;
}

/** What is to happen to the mutation that has just arrived. */
export function nextFault(): Fault | undefined {
  if (!plan.every || ++mutations % plan.every !== 0) return undefined;
  if (plan.mode === "drop") return { mode: "drop" };
  return { mode: "error", status: plan.status ?? 503, code: plan.code ?? "OptimisticConcurrencyControlFailure" };
}
