//! The address of the client of a request, behind the operator's proxies.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::dev::Payload;
use actix_web::http::header::{FORWARDED, HeaderMap, HeaderName, X_FORWARDED_FOR};
use actix_web::{FromRequest, HttpRequest, web};
use ipnet::IpNet;
use webchat_domain::Network;

/// The addresses of the proxies whose forwarding headers are trusted.
pub(crate) struct TrustedProxies(pub(crate) Vec<IpNet>);

/// The address of a request's client. This is the peer of the connection. If the peer is a trusted proxy, it is the
/// last address in `X-Forwarded-For` that is not a trusted proxy, or in `Forwarded` (RFC 7239) if there is no
/// `X-Forwarded-For`. IPv4-mapped IPv6 addresses are converted to IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClientAddress(pub(crate) IpAddr);

impl ClientAddress {
    /// Returns the address of this request's client.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        // Only requests of unit tests have no peer.
        let peer = request.peer_addr().map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
        let proxies = request.app_data::<web::Data<TrustedProxies>>();
        Self(
            proxies.map_or(peer.to_canonical(), |proxies| {
                proxies.resolve_client(peer, request.headers())
            }),
        )
    }

    /// Returns the network of the client. All addresses of a network share its limits.
    pub(crate) fn network(self) -> Network {
        Network::of(self.0)
    }
}

impl FromRequest for ClientAddress {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request)))
    }
}

impl TrustedProxies {
    fn contains(&self, address: IpAddr) -> bool {
        self.0.iter().any(|net| net.contains(&address))
    }

    /// Follows the hops backwards, from the peer to the first address that is not a trusted proxy. Stops at a hop
    /// without a valid address, and returns the proxy that reported it.
    fn resolve_client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut known = peer.to_canonical();
        if !self.contains(known) {
            return known;
        }
        let mut hops = hops(headers).into_iter().rev();
        while self.contains(known) {
            match hops.next() {
                Some(Some(hop)) => known = hop,
                Some(None) | None => break,
            }
        }
        known
    }
}

/// Returns the addresses in the forwarding header, in order. `None` is an entry without a valid address.
fn hops(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    if headers.contains_key(X_FORWARDED_FOR) {
        return entries(headers, &X_FORWARDED_FOR).map(parse_address).collect();
    }
    entries(headers, &FORWARDED).map(|entry| forwarded_for(entry).and_then(parse_address)).collect()
}

/// Returns the comma-separated entries of all headers with this name.
fn entries<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers.get_all(name).flat_map(|value| value.to_str().unwrap_or_default().split(','))
}

/// Returns the parameter `for` of a `Forwarded` entry, without quotes.
fn forwarded_for(entry: &str) -> Option<&str> {
    entry.split(';').find_map(|parameter| {
        let (name, value) = parameter.trim().split_once('=')?;
        name.eq_ignore_ascii_case("for").then(|| value.trim_matches('"'))
    })
}

/// Parses an address with or without a port. An IPv6 address with a port is in brackets, and one without a port may
/// be.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let with_port = || text.parse().map(|address: SocketAddr| address.ip()).ok();
    let in_brackets = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: Option<IpAddr> = text.parse().ok().or_else(with_port).or_else(in_brackets);
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    /// Resolves the client's address behind the trusted proxies `10.0.0.0/8` and `fd00::1`.
    fn resolve(peer: &str, headers: &[(&'static str, &str)]) -> String {
        let proxies =
            TrustedProxies(["10.0.0.0/8", "fd00::1/128"].map(|net| net.parse().unwrap()).into());
        let peer = SocketAddr::new(peer.parse().unwrap(), 4711);
        let request = TestRequest::default().peer_addr(peer).app_data(web::Data::new(proxies));
        let request =
            headers.iter().fold(request, |request, header| request.append_header(*header));
        ClientAddress::of(&request.to_http_request()).0.to_string()
    }

    #[test]
    fn headers_from_untrusted_peers_are_ignored() {
        let headers = [("x-forwarded-for", "6.6.6.6"), ("forwarded", "for=6.6.6.6")];

        assert_eq!(resolve("203.0.113.9", &headers), "203.0.113.9");
        assert_eq!(resolve("::ffff:203.0.113.9", &headers), "203.0.113.9");
    }

    #[test]
    fn the_last_untrusted_hop_is_the_client() {
        for (forwarded_for, client) in [
            ("203.0.113.9", "203.0.113.9"),
            ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
            ("6.6.6.6, 203.0.113.9, 10.9.9.9", "203.0.113.9"),
            ("6.6.6.6, 203.0.113.9:1234,fd00::1", "203.0.113.9"),
            ("[2001:db8::7]:80", "2001:db8::7"),
            ("6.6.6.6, unknown", "10.0.0.1"),
            ("10.0.0.2, 10.0.0.3", "10.0.0.2"),
            ("", "10.0.0.1"),
        ] {
            let headers = [("x-forwarded-for", forwarded_for)];
            assert_eq!(resolve("10.0.0.1", &headers), client, "{forwarded_for}");
        }
        assert_eq!(resolve("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn several_headers_are_treated_as_one_list() {
        let headers = [("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "203.0.113.9")];

        assert_eq!(resolve("::ffff:10.0.0.1", &headers), "203.0.113.9");
    }

    #[test]
    fn forwarded_is_used_only_without_x_forwarded_for() {
        let forwarded =
            ("forwarded", r#"for=6.6.6.6, proto=https;For="[2001:db8::7]:4711", for=10.0.0.2"#);

        assert_eq!(resolve("10.0.0.1", &[forwarded]), "2001:db8::7");
        assert_eq!(
            resolve("10.0.0.1", &[forwarded, ("x-forwarded-for", "203.0.113.9")]),
            "203.0.113.9"
        );
        assert_eq!(resolve("10.0.0.1", &[("forwarded", "for=_hidden;by=6.6.6.6")]), "10.0.0.1");
    }
}
