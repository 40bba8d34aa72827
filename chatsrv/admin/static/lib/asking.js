// A question to the server as a part of the page holds it: what came, what went wrong, and asking again.
import { useCallback, useEffect, useRef, useState } from "../vendor/htm-preact.js";
import { onBack } from "./api.js";

const NOTHING = { value: undefined, problem: null, loading: true, at: 0 };

// {value, problem, loading, at, again}: `ask` runs again when `inputs` change. The last value stays while the next one
// is on its way, and where that fails (problem.since: when it came); of two answers that are under way only the later
// question's counts. What failed is asked again by itself when the server is back.
export function useAsked(ask, inputs) {
  const [state, setState] = useState(NOTHING);
  const turn = useRef(0);
  const newest = useRef(ask);
  newest.current = ask;
  const again = useCallback(async () => {
    const mine = ++turn.current;
    setState((old) => ({ ...old, loading: true }));
    try {
      const value = await newest.current();
      if (mine === turn.current) setState({ value, problem: null, loading: false, at: Date.now() });
    } catch (problem) {
      if (mine === turn.current) setState((old) => ({ ...old, problem: Object.assign(problem, { since: old.at }), loading: false }));
    }
  }, []);
  useEffect(() => {
    again();
    return () => {
      turn.current++; // whoever has left wants no answer
    };
  }, inputs);
  const hasFailed = state.problem !== null;
  useEffect(() => (hasFailed ? onBack(again) : undefined), [hasFailed]);
  return { ...state, again };
}

// {busy, problem, run, clear}: an act that somebody starts. `run` answers whether it went well.
export function useAct(act) {
  const [state, setState] = useState({ busy: false, problem: null });
  const run = async (...given) => {
    if (state.busy) return false;
    setState({ busy: true, problem: null });
    try {
      await act(...given);
      setState({ busy: false, problem: null });
      return true;
    } catch (problem) {
      setState({ busy: false, problem });
      return false;
    }
  };
  return { ...state, run, clear: () => setState({ busy: false, problem: null }) };
}

// `act` again and again while the page is seen, and at once when it is seen again.
export function useEvery(ms, act) {
  const newest = useRef(act);
  newest.current = act;
  useEffect(() => {
    if (!ms) return undefined;
    const look = () => document.hidden || newest.current();
    const timer = setInterval(look, ms);
    document.addEventListener("visibilitychange", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
    };
  }, [ms]);
}
