//! The number of files and connections that the process may have open.

/// How many file descriptors are kept for other purposes than connections of clients: the stores, requests to
/// the model, uploads.
const RESERVED: u64 = 256;

/// Raises the limit of open files as far as the system permits, and returns it. Returns `None` if it is not
/// known.
pub(crate) fn raise_file_limit() -> Option<u64> {
    rlimit::increase_nofile_limit(u64::MAX)
        .inspect_err(|error| tracing::warn!(%error, "failed to raise the limit of open files"))
        .ok()
}

/// Returns how many connections of clients this limit of open files permits. Further ones wait until others
/// are closed.
pub(crate) fn max_tcp_connections(file_limit: Option<u64>) -> Option<usize> {
    let file_limit = file_limit?;
    // With a very low limit, half of it is still for clients.
    let connections = file_limit.saturating_sub(RESERVED).max(file_limit / 2);
    Some(usize::try_from(connections).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_file_descriptors_for_other_purposes() {
        assert_eq!(max_tcp_connections(Some(1_024)), Some(768));
        assert_eq!(max_tcp_connections(Some(100)), Some(50));
        assert_eq!(max_tcp_connections(None), None);
    }
}
