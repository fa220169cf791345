import type { AccountRole } from '../../api/types';

/** All roles, the one with the fewest rights first. */
export const ROLES: readonly AccountRole[] = ['user', 'auditor', 'admin'];
