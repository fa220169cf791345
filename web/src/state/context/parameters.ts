import type { ModelParameters, ReasoningEffort } from '../../api/types';

export type NumberName = Exclude<keyof ModelParameters, 'reasoning_effort'>;

export interface NumberField {
  name: NumberName;
  label: string;
  hint: string;
  min?: number;
  max?: number;
  step: number;
}

export const NUMBER_FIELDS: readonly NumberField[] = [
  {
    name: 'temperature',
    label: 'Temperature',
    hint: '0 to 2: lower is more focused, higher is more varied',
    min: 0,
    max: 2,
    step: 0.1,
  },
  {
    name: 'top_p',
    label: 'Top p',
    hint: '0 to 1: lower considers only the most likely words',
    min: 0,
    max: 1,
    step: 0.05,
  },
  {
    name: 'presence_penalty',
    label: 'Presence penalty',
    hint: '-2 to 2: higher discourages words that already occurred',
    min: -2,
    max: 2,
    step: 0.1,
  },
  {
    name: 'frequency_penalty',
    label: 'Frequency penalty',
    hint: '-2 to 2: higher discourages words that occurred often',
    min: -2,
    max: 2,
    step: 0.1,
  },
  {
    name: 'seed',
    label: 'Seed',
    hint: 'a whole number: the same seed makes the same answer more likely',
    step: 1,
  },
];

export const REASONING_EFFORTS: readonly ReasoningEffort[] = [
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
];

/** Reads the parameters from a form. For an empty field, the server's default applies. */
export function parseParameters(form: FormData): ModelParameters {
  const parameters: ModelParameters = {};
  for (const { name } of NUMBER_FIELDS) {
    const text = String(form.get(name) ?? '').trim();
    if (text !== '' && Number.isFinite(Number(text))) parameters[name] = Number(text);
  }
  const effort = REASONING_EFFORTS.find((candidate) => candidate === form.get('reasoning_effort'));
  if (effort !== undefined) parameters.reasoning_effort = effort;
  return parameters;
}

export function areEqual(left: ModelParameters, right: ModelParameters): boolean {
  const names = [...NUMBER_FIELDS.map(({ name }) => name), 'reasoning_effort'] as const;
  return names.every((name) => left[name] === right[name]);
}
