import type { Operation, OperationGroup } from './api-document';

/** Keeps the operations that contain all words of the filter, and the groups that have any. */
export function filterGroups(groups: readonly OperationGroup[], filter: string): OperationGroup[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  return groups
    .map((group) => ({
      ...group,
      operations: group.operations.filter((operation) => {
        const text = `${group.name} ${searchText(operation)}`.toLowerCase();
        return words.every((word) => text.includes(word));
      }),
    }))
    .filter(({ operations }) => operations.length > 0);
}

function searchText({ name, id, method, path, summary }: Operation): string {
  return [name, id, method, path, summary].join(' ');
}
