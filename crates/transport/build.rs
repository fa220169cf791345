//! Embeds the page anew after it was built. Without a built page, the library has none; see `Page::open`.

fn main() {
    println!("cargo::rerun-if-changed=../../web/dist");
}
