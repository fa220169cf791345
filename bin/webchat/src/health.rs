//! Checks whether a running server is ready, for the health check of a container.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::time::Duration;

use thiserror::Error;

use crate::Settings;

/// The timeout for connecting, and for the response.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The reason why the server is not ready.
#[derive(Debug, Error)]
pub enum HealthError {
    /// There is no response.
    #[error("no response from {0}: {1}")]
    Unreachable(SocketAddr, #[source] io::Error),
    /// The server is shutting down, or a store is unavailable.
    #[error("not ready: {0}")]
    NotReady(String),
}

/// Checks that the server running with these settings on this machine is ready for requests.
///
/// # Errors
/// See [`HealthError`].
pub fn check_health(settings: &Settings) -> Result<(), HealthError> {
    let address = SocketAddr::new(connect_ip(settings.server.host), settings.server.port);
    let status_line =
        request_readiness(address).map_err(|error| HealthError::Unreachable(address, error))?;
    if status_line.split(' ').nth(1) == Some("200") {
        return Ok(());
    }
    Err(HealthError::NotReady(status_line))
}

/// Returns the address to connect to: loopback for a server that listens on all addresses.
fn connect_ip(host: IpAddr) -> IpAddr {
    match host {
        IpAddr::V4(address) if address.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(address) if address.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        address => address,
    }
}

fn request_readiness(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status_line = String::new();
    BufReader::new(stream).read_line(&mut status_line)?;
    Ok(status_line.trim_end().to_owned())
}
