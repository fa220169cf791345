import type { ModelParameters, ReasoningEffort } from '../../api/types';
import { creativityWords as words } from '../../words/settings';

export type NumberName = Exclude<keyof ModelParameters, 'reasoning_effort'>;

export interface NumberField {
  name: NumberName;
  label: () => string;
  help: () => string;
  /** The range; a field without one takes whole numbers. */
  range: readonly [min: number, max: number] | null;
}

/** The first field is always shown, the others are folded. */
export const NUMBER_FIELDS: readonly [NumberField, ...NumberField[]] = [
  {
    name: 'temperature',
    label: words.temperature,
    help: words.temperatureHelp,
    range: [0, 2],
  },
  { name: 'top_p', label: words.topP, help: words.topPHelp, range: [0, 1] },
  {
    name: 'presence_penalty',
    label: words.presencePenalty,
    help: words.presencePenaltyHelp,
    range: [-2, 2],
  },
  {
    name: 'frequency_penalty',
    label: words.frequencyPenalty,
    help: words.frequencyPenaltyHelp,
    range: [-2, 2],
  },
  { name: 'seed', label: words.seed, help: words.seedHelp, range: null },
];

export const REASONING_EFFORTS: readonly ReasoningEffort[] = [
  'none',
  'minimal',
  'low',
  'medium',
  'high',
  'xhigh',
];

/** The texts of the fields, by name. A missing or blank text leaves its parameter to the server. */
export type ParameterTexts = Partial<Record<keyof ModelParameters, string>>;

export interface ParsedParameters {
  parameters: ModelParameters;
  /** What is wrong with a field, by its name. */
  problems: Partial<Record<NumberName, string>>;
}

export function textsOf(parameters: ModelParameters): ParameterTexts {
  const entries = Object.entries(parameters).map(([name, value]) => [name, String(value)]);
  return Object.fromEntries(entries) as ParameterTexts;
}

/** The texts of a stored draft; `null` if there is none, or it is damaged. */
export function parseDraft(draft: string | null): ParameterTexts | null {
  try {
    return draft === null ? null : (JSON.parse(draft) as ParameterTexts);
  } catch {
    return null;
  }
}

export function areEqual(left: ParameterTexts, right: ParameterTexts): boolean {
  const names = [...NUMBER_FIELDS.map(({ name }) => name), 'reasoning_effort'] as const;
  return names.every((name) => (left[name] ?? '').trim() === (right[name] ?? '').trim());
}

export function parseParameters(texts: ParameterTexts): ParsedParameters {
  const parameters: ModelParameters = {};
  const problems: ParsedParameters['problems'] = {};
  for (const { name, range } of NUMBER_FIELDS) {
    // Many people write a decimal comma.
    const text = (texts[name] ?? '').trim().replace(',', '.');
    if (text === '') continue;
    const number = Number(text);
    const problem = range ? outOfRange(number, range) : notWhole(number);
    if (problem === null) parameters[name] = number;
    else problems[name] = problem;
  }
  const effort = REASONING_EFFORTS.find((candidate) => candidate === texts.reasoning_effort);
  if (effort !== undefined) parameters.reasoning_effort = effort;
  return { parameters, problems };
}

function outOfRange(number: number, [min, max]: readonly [number, number]): string | null {
  return number >= min && number <= max ? null : words.outOfRange(min, max);
}

function notWhole(number: number): string | null {
  return Number.isSafeInteger(number) ? null : words.notWhole();
}
