//! Decompresses bodies.

use std::future::ready;
use std::io;

use async_compression::tokio::bufread::{GzipDecoder, ZlibDecoder};
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, HeaderMap};
use tokio_util::io::{ReaderStream, StreamReader};

/// The registered encodings that can't be decoded:
/// <https://www.iana.org/assignments/http-parameters>. Other unknown names, such as `utf-8`, are no encodings.
const UNSUPPORTED: [&str; 9] =
    ["aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"];

/// How often a body may be compressed: by the upstream, and again by a proxy.
const MAX_LAYERS: u32 = 2;

/// The maximum length of the name of an encoding in an error, in characters.
const MAX_ENCODING_CHARS: usize = 40;

type Body = BoxStream<'static, io::Result<Bytes>>;

/// Returns the encoding of a body that can't be decoded, such as `br`.
pub(crate) fn unsupported_encoding(headers: &HeaderMap) -> Option<String> {
    let is_unsupported = encodings(headers).any(|name| UNSUPPORTED.contains(&name.as_str()));
    let names: Vec<_> = encodings(headers).collect();
    is_unsupported.then(|| names.join(", ").chars().take(MAX_ENCODING_CHARS).collect())
}

/// Returns the decompressed body of a response.
///
/// Proxies change a body without its header, and a header without its body. So gzip is recognised by its first
/// bytes, whatever the header says. Those of `deflate` are less clear, and mean it only if the header says so.
pub(crate) fn decompressed_body(response: Response) -> Body {
    let may_be_deflate = encodings(response.headers()).any(|name| name == "deflate");
    decompress(response.bytes_stream().map_err(io::Error::other).boxed(), may_be_deflate)
}

fn decompress(body: Body, may_be_deflate: bool) -> Body {
    (0..MAX_LAYERS).fold(body, |body, _| decompress_layer(body, may_be_deflate))
}

/// Returns the names in the header, in lower case.
fn encodings(headers: &HeaderMap) -> impl Iterator<Item = String> {
    let values = headers.get_all(CONTENT_ENCODING).iter();
    values.flat_map(|value| {
        let names = String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase();
        names.split(',').map(|name| name.trim().to_owned()).collect::<Vec<_>>()
    })
}

fn decompress_layer(mut body: Body, may_be_deflate: bool) -> Body {
    let decompressed = async move {
        let head = read_head(&mut body).await?;
        let (is_gzip, is_deflate) = (is_gzip(&head), may_be_deflate && is_zlib(&head));
        let body = stream::once(ready(Ok(head))).chain(body).boxed();
        Ok::<_, io::Error>(if is_gzip {
            let mut decoder = GzipDecoder::new(StreamReader::new(body));
            decoder.multiple_members(true);
            ReaderStream::new(decoder).boxed()
        } else if is_deflate {
            ReaderStream::new(ZlibDecoder::new(StreamReader::new(body))).boxed()
        } else {
            body
        })
    };
    stream::once(decompressed).try_flatten().boxed()
}

/// Reads the first two bytes, if the body has as many, and what arrives with them.
async fn read_head(body: &mut Body) -> io::Result<Bytes> {
    let mut head = BytesMut::new();
    while head.len() < 2
        && let Some(chunk) = body.next().await
    {
        head.extend_from_slice(&chunk?);
    }
    Ok(head.freeze())
}

/// Returns whether the bytes begin like <https://www.rfc-editor.org/rfc/rfc1952>. No text does.
fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

/// Returns whether the bytes begin like <https://www.rfc-editor.org/rfc/rfc1950>: with the method 8 and a checksum.
fn is_zlib(head: &[u8]) -> bool {
    match head {
        [method, flags, ..] => {
            method & 0x0f == 8 && u16::from_be_bytes([*method, *flags]).is_multiple_of(31)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::write::GzEncoder;

    use super::*;

    const TEXT: &str = "data: tides\n\n";

    fn gzip(text: &str) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    }

    fn decompress_parts(parts: Vec<Vec<u8>>) -> Body {
        let parts = parts.into_iter().map(|part| Ok(Bytes::from(part)));
        decompress(stream::iter(parts).chain(stream::pending()).boxed(), false)
    }

    async fn read(mut body: Body, length: usize) -> String {
        let mut text = Vec::new();
        while text.len() < length {
            text.extend_from_slice(&body.next().await.unwrap().unwrap());
        }
        String::from_utf8(text).unwrap()
    }

    #[tokio::test]
    async fn several_members_are_decompressed_however_they_are_divided() {
        let body = [gzip(TEXT), gzip(""), gzip(TEXT), gzip(TEXT)].concat();

        for size in 1..=body.len() {
            let parts = body.chunks(size).map(<[u8]>::to_vec).collect();
            let text = read(decompress_parts(parts), 3 * TEXT.len()).await;

            assert_eq!(text, TEXT.repeat(3), "chunks of {size} bytes");
        }
    }

    #[tokio::test]
    async fn what_was_flushed_is_read_before_the_rest_arrives() {
        let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(TEXT.as_bytes()).unwrap();
        encoder.flush().unwrap();

        let text = read(decompress_parts(vec![encoder.get_ref().clone()]), TEXT.len()).await;

        assert_eq!(text, TEXT);
    }
}
