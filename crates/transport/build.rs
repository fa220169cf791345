//! Rebuilds the crate when the embedded page was rebuilt. Without a built page the crate embeds none; see
//! `WebClient::open`.

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
}
