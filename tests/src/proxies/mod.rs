//! Proxies between clients and servers: one that fails on demand, and real reverse proxies.

mod faulty_proxy;
mod reverse_proxy;

pub use self::faulty_proxy::{FaultyProxy, ProxyState};
pub use self::reverse_proxy::{FreePort, ProxyProgram, ReverseProxy};
