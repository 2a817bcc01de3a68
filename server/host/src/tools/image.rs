//! Images on their way to a model: recognised by their first bytes, made small enough, converted where needed
//! (tools.md §2). Pure; the caller runs it off the async threads.

use std::io::Cursor;

use base64::{Engine, engine::general_purpose::STANDARD};
use image::{
    DynamicImage, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, codecs::jpeg::JpegEncoder,
    codecs::png::PngEncoder, imageops::FilterType,
};
use pi_protocol::ImageContent;

/// Largest image file that is opened.
pub const MAX_SOURCE_BYTES: u64 = 64 * 1024 * 1024;
/// Most memory a decoded image may take.
const MAX_DECODED_BYTES: u64 = 512 * 1024 * 1024;
const JPEG_QUALITIES: [u8; 5] = [80, 85, 70, 55, 40];

/// How large an image may be. Without `resize` it is sent as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Setting `images.autoResize`.
    pub resize: bool,
    /// Longest side in pixels.
    pub side: u32,
    /// Bytes of its base64 form.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { resize: true, side: 2000, bytes: 4_718_592 }
    }
}

/// A format that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// JPEG.
    Jpeg,
    /// PNG.
    Png,
    /// GIF.
    Gif,
    /// WebP.
    Webp,
    /// BMP; converted, as no model takes it.
    Bmp,
}

impl Kind {
    /// By the first bytes of a file; its name does not matter.
    pub fn sniff(start: &[u8]) -> Option<Self> {
        Some(match start {
            [0xff, 0xd8, 0xff, ..] => Kind::Jpeg,
            [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Kind::Png,
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Kind::Gif,
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Kind::Webp,
            // Text may begin with BM as well: the reserved bytes and the size of the second header decide.
            [
                b'B',
                b'M',
                _,
                _,
                _,
                _,
                0,
                0,
                0,
                0,
                _,
                _,
                _,
                _,
                12 | 40 | 52 | 56 | 64 | 108 | 124,
                0,
                0,
                0,
                ..,
            ] => Kind::Bmp,
            _ => return None,
        })
    }

    /// For example `image/png`.
    pub fn mime_type(self) -> &'static str {
        self.format().to_mime_type()
    }

    fn format(self) -> ImageFormat {
        match self {
            Kind::Jpeg => ImageFormat::Jpeg,
            Kind::Png => ImageFormat::Png,
            Kind::Gif => ImageFormat::Gif,
            Kind::Webp => ImageFormat::WebP,
            Kind::Bmp => ImageFormat::Bmp,
        }
    }
}

/// What the model gets.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// The format that is sent; that of the file if none is.
    pub mime_type: &'static str,
    /// Lines that say what was done to it.
    pub notes: Vec<String>,
    /// The image; nothing if it could not be made small enough or converted.
    pub content: Option<ImageContent>,
}

/// Brings the bytes of an image file within the limits. Images within them stay as they are.
pub fn prepare(bytes: Vec<u8>, kind: Kind, limits: Limits) -> Prepared {
    let mime_type = kind.mime_type();
    let as_is = |bytes: &[u8]| Prepared {
        mime_type,
        notes: Vec::new(),
        content: Some(ImageContent { data: STANDARD.encode(bytes), mime_type: mime_type.into() }),
    };
    let omitted =
        |why: &str| Prepared { mime_type, notes: vec![format!("[Image omitted: {why}.]")], content: None };
    let must_convert = kind == Kind::Bmp;
    if !limits.resize && !must_convert {
        return as_is(&bytes);
    }
    let fits = encoded_len(bytes.len()) < limits.bytes;
    if fits && !must_convert && dimensions(&bytes, kind).is_some_and(|(w, h)| w.max(h) <= limits.side) {
        return as_is(&bytes);
    }
    let Some(image) = decode(&bytes, kind) else {
        return match (must_convert, fits) {
            (true, _) => omitted("could not be converted to a supported inline image format"),
            // A damaged or unusual file; the model's provider may still read it.
            (false, true) => as_is(&bytes),
            (false, false) => omitted("could not be resized below the inline image size limit"),
        };
    };
    let Some(small) = shrink(&image, limits) else {
        return omitted("could not be resized below the inline image size limit");
    };
    let mut notes = Vec::new();
    let (width, height) = (image.width(), image.height());
    if (small.width, small.height) != (width, height) {
        let scale = f64::from(width) / f64::from(small.width.max(1));
        notes.push(format!(
            "[Image: original {width}x{height}, displayed at {}x{}. Multiply coordinates by {scale:.2} to map to \
             original image.]",
            small.width, small.height
        ));
    }
    if must_convert {
        notes.push(format!("[Image converted from {mime_type} to {}.]", small.mime_type));
    }
    let content = ImageContent { data: STANDARD.encode(&small.bytes), mime_type: small.mime_type.into() };
    Prepared { mime_type: small.mime_type, notes, content: Some(content) }
}

struct Encoded {
    bytes: Vec<u8>,
    mime_type: &'static str,
    width: u32,
    height: u32,
}

/// The first version that fits: full allowed size as PNG or ever coarser JPEG, then ever smaller sizes.
fn shrink(image: &DynamicImage, limits: Limits) -> Option<Encoded> {
    let side = if limits.resize { limits.side } else { u32::MAX };
    let mut factor = f64::min(1.0, f64::from(side) / f64::from(image.width().max(image.height()).max(1)));
    loop {
        let scaled = |length: u32| ((f64::from(length) * factor).round() as u32).max(1);
        let (width, height) = (scaled(image.width()), scaled(image.height()));
        let resized = match factor < 1.0 {
            true => image.resize_exact(width, height, FilterType::Lanczos3),
            false => image.clone(),
        };
        let fitting = |it: &Vec<u8>| !limits.resize || encoded_len(it.len()) < limits.bytes;
        let png = png(&resized).filter(fitting);
        let jpeg = || JPEG_QUALITIES.iter().find_map(|&it| jpeg(&resized, it).filter(fitting));
        let found = match png {
            Some(bytes) => Some((bytes, "image/png")),
            None => jpeg().map(|bytes| (bytes, "image/jpeg")),
        };
        if let Some((bytes, mime_type)) = found {
            return Some(Encoded { bytes, mime_type, width, height });
        }
        if width == 1 && height == 1 {
            return None;
        }
        factor *= 0.75;
    }
}

fn png(image: &DynamicImage) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    // Other pixel types than these are for measuring instruments.
    let image =
        if image.color().has_alpha() { image.to_rgba8().into() } else { DynamicImage::from(image.to_rgb8()) };
    let (width, height, color) = (image.width(), image.height(), image.color());
    PngEncoder::new(&mut out).write_image(image.as_bytes(), width, height, color.into()).ok()?;
    Some(out)
}

fn jpeg(image: &DynamicImage, quality: u8) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    JpegEncoder::new_with_quality(&mut out, quality).encode_image(&image.to_rgb8()).ok()?;
    Some(out)
}

fn dimensions(bytes: &[u8], kind: Kind) -> Option<(u32, u32)> {
    ImageReader::with_format(Cursor::new(bytes), kind.format()).into_dimensions().ok()
}

/// The first frame, upright.
fn decode(bytes: &[u8], kind: Kind) -> Option<DynamicImage> {
    let mut reader = ImageReader::with_format(Cursor::new(bytes), kind.format());
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().ok()?;
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    image.apply_orientation(orientation);
    Some(image)
}

fn encoded_len(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

#[cfg(test)]
mod tests {
    use image::RgbImage;

    use super::*;

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        // Noise, so that it does not compress away.
        let mut state = 1u32;
        let image = RgbImage::from_fn(width, height, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            image::Rgb([(state >> 24) as u8, (state >> 16) as u8, (state >> 8) as u8])
        });
        let mut out = Cursor::new(Vec::new());
        image.write_to(&mut out, format).unwrap();
        out.into_inner()
    }

    #[test]
    fn formats_are_known_by_their_first_bytes() {
        let formats = [
            (ImageFormat::Png, Kind::Png),
            (ImageFormat::Jpeg, Kind::Jpeg),
            (ImageFormat::Gif, Kind::Gif),
            (ImageFormat::WebP, Kind::Webp),
            (ImageFormat::Bmp, Kind::Bmp),
        ];
        for (format, kind) in formats {
            assert_eq!(Kind::sniff(&picture(2, 2, format)), Some(kind));
        }
        for text in ["", "BM is a short name for a file", "GIF", "RIFF....WAVE"] {
            assert_eq!(Kind::sniff(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_small_image_stays_as_it_is() {
        let bytes = picture(2, 2, ImageFormat::Png);
        let got = prepare(bytes.clone(), Kind::Png, Limits::default());
        assert_eq!(got.notes, Vec::<String>::new());
        assert_eq!(got.content.unwrap().data, STANDARD.encode(bytes));
    }

    #[test]
    fn a_large_image_is_made_smaller() {
        let limits = Limits { side: 20, ..Limits::default() };
        let got = prepare(picture(40, 10, ImageFormat::Png), Kind::Png, limits);
        let note = "[Image: original 40x10, displayed at 20x5. Multiply coordinates by 2.00 to map to original image.]";
        assert_eq!(got.notes, [note]);
        let sent = STANDARD.decode(got.content.unwrap().data).unwrap();
        assert_eq!(dimensions(&sent, Kind::Png), Some((20, 5)));

        let limits = Limits { bytes: 3000, ..Limits::default() };
        let got = prepare(picture(60, 60, ImageFormat::Png), Kind::Png, limits);
        assert!(got.content.unwrap().data.len() < 3000);

        let limits = Limits { bytes: 10, ..Limits::default() };
        let got = prepare(picture(60, 60, ImageFormat::Png), Kind::Png, limits);
        assert_eq!(got.notes, ["[Image omitted: could not be resized below the inline image size limit.]"]);
        assert_eq!(got.content, None);
    }

    #[test]
    fn a_bitmap_is_converted_and_a_damaged_one_left_out() {
        let bytes = picture(3, 3, ImageFormat::Bmp);
        let got = prepare(bytes.clone(), Kind::Bmp, Limits::default());
        assert_eq!(got.notes, ["[Image converted from image/bmp to image/png.]"]);
        assert_eq!(got.content.unwrap().mime_type, "image/png");
        let got = prepare(bytes[..30].to_vec(), Kind::Bmp, Limits::default());
        assert_eq!(
            got.notes,
            ["[Image omitted: could not be converted to a supported inline image format.]"]
        );
    }
}
