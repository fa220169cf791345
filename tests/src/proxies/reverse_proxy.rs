//! Real reverse proxies, with the configurations that `deploy` provides.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::browser::Browser;
use crate::timeout::TIMEOUT;

/// A reverse proxy.
#[derive(Clone, Copy, Debug)]
pub enum ProxyProgram {
    /// nginx.
    Nginx,
    /// Caddy.
    Caddy,
}

/// A free port, for a proxy or server whose port must be known before it starts.
pub struct FreePort(u16);

/// A running reverse proxy.
pub struct ReverseProxy {
    process: Child,
    // Held because dropping it deletes the directory.
    _dir: TempDir,
}

impl FreePort {
    /// Chooses a free port.
    #[must_use]
    pub fn choose() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        Self(listener.local_addr().unwrap().port())
    }

    /// The number of the port.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.0
    }

    /// Returns the URL of this path behind the proxy.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.0)
    }

    /// Creates a new user's browser for this path.
    #[must_use]
    pub fn browser(&self, path: &str) -> Browser {
        Browser::new(&self.url(path))
    }

    /// Starts a proxy in front of the servers, given as `host:port`, with the configuration `example` from `deploy`.
    /// The proxy listens on this port, without TLS.
    pub async fn start(
        &self,
        program: ProxyProgram,
        example: &str,
        servers: &[String],
    ) -> ReverseProxy {
        let dir = tempfile::tempdir().unwrap();
        let example = fs::read_to_string(deploy_dir().join(example)).unwrap();
        let mut command = match program {
            ProxyProgram::Nginx => self.nginx(&example, servers, dir.path()),
            ProxyProgram::Caddy => self.caddy(&example, servers, dir.path()),
        };
        let process = command.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).spawn();
        let process =
            process.unwrap_or_else(|error| panic!("failed to start {program:?}: {error}"));
        let mut proxy = ReverseProxy { process, _dir: dir };
        let connect = async {
            while TcpStream::connect((Ipv4Addr::LOCALHOST, self.0)).await.is_err() {
                let exited = proxy.process.try_wait().unwrap();
                assert!(exited.is_none(), "{program:?} exited: its configuration may be invalid");
                sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(TIMEOUT, connect).await.expect("the proxy did not start in time");
        proxy
    }

    fn nginx(&self, example: &str, servers: &[String], dir: &Path) -> Command {
        let upstream: Vec<_> = servers.iter().map(|server| format!("server {server};")).collect();
        let site = replace(example, "server 127.0.0.1:8080;", &upstream.join(" "));
        let listen = format!("listen 127.0.0.1:{};", self.0);
        let site = replace(&site, "listen 443 ssl http2;", &listen);
        // The redirect to HTTPS must not occupy a port of this machine.
        let redirect = format!("listen unix:{}/http;", dir.display());
        let site = site.replace("listen 80;", &redirect);
        let lines = site.lines().filter(|line| !line.trim_start().starts_with("ssl_certificate"));
        let site = lines.collect::<Vec<_>>().join("\n");
        // All files are in the directory, which only this user can read, so nginx must not change its user. Without a
        // master process, killing nginx leaves no workers behind.
        let temp_paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};"));
        let config = format!(
            "daemon off; master_process off; user root; pid pid; error_log stderr;\nevents {{}}\n\
             http {{ access_log off; {}\n{site}\n}}",
            temp_paths.concat()
        );
        fs::write(dir.join("nginx.conf"), config).unwrap();
        let snippet = "webchat-proxy.conf";
        fs::create_dir(dir.join("snippets")).unwrap();
        let source = deploy_dir().join("nginx").join(snippet);
        fs::copy(source, dir.join("snippets").join(snippet)).unwrap();
        let mut command = Command::new(find_program("nginx"));
        command.arg("-p").arg(dir).args(["-e", "stderr", "-c", "nginx.conf"]);
        command
    }

    fn caddy(&self, example: &str, servers: &[String], dir: &Path) -> Command {
        let is_upstream_line = |line: &&str| line.trim_start().starts_with("reverse_proxy ");
        let upstreams = example.lines().find(is_upstream_line).expect("no reverse_proxy");
        let site = replace(example, upstreams, &format!("reverse_proxy {} {{", servers.join(" ")));
        let is_site_line = |line: &&str| line.ends_with(" {") && !line.starts_with(['\t', '#']);
        let address = site.lines().find(is_site_line).expect("no site").to_owned();
        let site = replace(&site, &address, &format!("{} {{", self.url("")));
        let config = dir.join("Caddyfile");
        fs::write(&config, format!("{{\n\tadmin off\n}}\n{site}")).unwrap();
        let mut command = Command::new(find_program("caddy"));
        command.args(["run", "--adapter", "caddyfile", "--config"]).arg(config);
        command.env("HOME", dir).stderr(Stdio::null());
        command
    }
}

fn deploy_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy")
}

/// Replaces a string. Panics if it is missing.
fn replace(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in {text}");
    text.replace(from, to)
}

/// Returns the path of a program. Debian installs servers in a directory that only root has in its `PATH`.
fn find_program(name: &str) -> PathBuf {
    let path = Path::new("/usr/sbin").join(name);
    if path.exists() { path } else { name.into() }
}
