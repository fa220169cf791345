//! The limit of open files, which is also the limit of connections.

/// The number of file descriptors reserved for everything but the connections of clients: the stores, requests
/// to the model, uploads.
const RESERVED_DESCRIPTORS: u64 = 256;

/// Raises the limit of open files as far as the system permits, and returns it. Returns `None` if it is
/// unknown.
pub(crate) fn raise_open_files_limit() -> Option<u64> {
    rlimit::increase_nofile_limit(u64::MAX)
        .inspect_err(|error| tracing::warn!(%error, "failed to raise the limit of open files"))
        .ok()
}

/// Returns the maximum number of connections of clients under this limit of open files. Further ones wait until
/// others are closed.
pub(crate) fn max_tcp_connections(open_files: Option<u64>) -> Option<usize> {
    let open_files = open_files?;
    // Clients get at least half of a very low limit.
    let connections = open_files.saturating_sub(RESERVED_DESCRIPTORS).max(open_files / 2);
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
