//! Pictures made into a network's input, as the file `MODEL.json` beside `MODEL.onnx` says; beside Paddle's `MODEL.pdmodel`,
//! whose program may be called `MODEL.json` too, it is `MODEL.picture.json`.
//!
//! ```json
//! {
//!   "size": [224, 224],
//!   "colors": "rgb",
//!   "divide": 255,
//!   "mean": [0.485, 0.456, 0.406],
//!   "deviation": [0.229, 0.224, 0.225],
//!   "layout": "nchw",
//!   "shorter": 256
//! }
//! ```
//!
//! * `size`: rows and columns. A picture of another size is scaled, by a triangle filter and keeping its proportions, until
//!   its shorter side has `shorter` pixels (without it: until it just covers `size`), and its middle is cut out.
//! * `colors`: `rgb` or `grey`. What the picture has beyond that is converted to 8 bits and dropped (alpha).
//! * For an f32 input each value is `((p / divide) − mean) / deviation`, each step rounded to f32; `mean` and `deviation`
//!   have a value for each channel. What is left out is not computed.
//! * For an input of 8 bits each value is `p + shift`.
//! * `layout`: `nchw` or `nhwc`.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use image::imageops::{self, FilterType};
use image::{DynamicImage, ImageReader};
use serde::Deserialize;

use crate::graph::{Data, Type};

/// The channels that a network wants.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Colors {
    /// Red, green, blue.
    Rgb,
    /// One channel.
    Grey,
}

/// The order of a picture's values.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Order {
    /// A plane for each channel.
    Nchw,
    /// The channels of a pixel side by side.
    Nhwc,
}

/// How a picture is prepared.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Preparation {
    /// Rows and columns.
    pub size: [u32; 2],
    /// The channels.
    pub colors: Colors,
    /// What each value is divided by.
    #[serde(default)]
    pub divide: Option<f32>,
    /// What is subtracted, for each channel.
    #[serde(default)]
    pub mean: Option<Vec<f32>>,
    /// What is divided by after that, for each channel.
    #[serde(default)]
    pub deviation: Option<Vec<f32>>,
    /// What is added to an 8-bit value.
    #[serde(default)]
    pub shift: Option<i16>,
    /// The order of the values.
    pub layout: Order,
    /// The shorter side of a picture of another size before its middle is cut out.
    #[serde(default)]
    pub shorter: Option<u32>,
}

/// The most pixels along a side.
const MOST_PIXELS: u32 = 1 << 14;

impl Preparation {
    /// The file that belongs to a model.
    pub fn beside(model: &Path) -> Result<Self> {
        let path = match model.extension().and_then(|extension| extension.to_str()) {
            _ if model.is_dir() => model.join("model.picture.json"),
            Some("pdmodel" | "json") => model.with_extension("picture.json"),
            _ => model.with_extension("json"),
        };
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{}: this file says how a picture becomes the model's input", path.display()))?;
        let preparation: Self = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
        preparation.check().with_context(|| path.display().to_string())?;
        Ok(preparation)
    }

    fn channels(&self) -> usize {
        match self.colors {
            Colors::Rgb => 3,
            Colors::Grey => 1,
        }
    }

    fn check(&self) -> Result<()> {
        let [rows, columns] = self.size;
        for size in self.size.into_iter().chain(self.shorter) {
            ensure!((1..=MOST_PIXELS).contains(&size), "a side of {size} pixels, expected 1 to {MOST_PIXELS}");
        }
        if let Some(shorter) = self.shorter {
            ensure!(shorter >= rows.max(columns), "\"shorter\" is {shorter}, less than the size {:?}", self.size);
        }
        for (name, values) in [("mean", &self.mean), ("deviation", &self.deviation)] {
            let (Some(values), channels) = (values, self.channels()) else { continue };
            ensure!(values.len() == channels, "\"{name}\" has {} values, expected {channels}", values.len());
        }
        let divisors = self.divide.iter().chain(self.deviation.iter().flatten());
        for divisor in divisors {
            ensure!(divisor.is_finite() && *divisor != 0.0, "a division by {divisor}");
        }
        Ok(())
    }

    /// Reads a picture into an input of the given type and shape.
    pub fn picture(&self, path: &Path, type_: Type, shape: &[usize]) -> Result<Data> {
        let image = ImageReader::open(path)
            .and_then(ImageReader::with_guessed_format)
            .with_context(|| path.display().to_string())?
            .decode()
            .with_context(|| path.display().to_string())?;
        self.prepare(image, type_, shape)
    }

    /// The shape of what pictures are made into.
    pub fn shape(&self) -> [usize; 4] {
        let [rows, columns] = self.size.map(|size| usize::try_from(size).unwrap_or(usize::MAX));
        let channels = self.channels();
        match self.layout {
            Order::Nchw => [1, channels, rows, columns],
            Order::Nhwc => [1, rows, columns, channels],
        }
    }

    /// Makes a picture into an input of the given type and shape.
    pub fn prepare(&self, image: DynamicImage, type_: Type, shape: &[usize]) -> Result<Data> {
        let expected = self.shape();
        ensure!(shape == expected, "the model's input has shape {shape:?}, but its json file makes {expected:?}");

        let pixels = match self.colors {
            Colors::Rgb => self.fit(image.to_rgb8()).into_raw(),
            Colors::Grey => self.fit(image.to_luma8()).into_raw(),
        };
        let floats = self.divide.is_some() || self.mean.is_some() || self.deviation.is_some();
        match type_ {
            Type::F32 => {
                ensure!(self.shift.is_none(), "\"shift\" is for inputs of 8 bits, the model's is {type_}");
                Ok(Data::F32(self.arrange(&pixels, |value, channel| Ok(self.normalize(value, channel)))?))
            }
            Type::U8 | Type::I8 if floats => {
                bail!("\"divide\", \"mean\" and \"deviation\" are for inputs of float32, the model's is {type_}")
            }
            Type::U8 => Ok(Data::U8(self.arrange(&pixels, |value, _| self.shifted(value))?)),
            Type::I8 => Ok(Data::I8(self.arrange(&pixels, |value, _| self.shifted(value))?)),
            other => bail!("the model's input is {other}, expected float32, uint8 or int8 for a picture"),
        }
    }

    fn normalize(&self, value: u8, channel: usize) -> f32 {
        let mut x = f32::from(value);
        if let Some(divide) = self.divide {
            x /= divide;
        }
        if let Some(mean) = &self.mean {
            x -= mean[channel];
        }
        if let Some(deviation) = &self.deviation {
            x /= deviation[channel];
        }
        x
    }

    fn shifted<T: TryFrom<i16>>(&self, value: u8) -> Result<T> {
        let shift = self.shift.unwrap_or(0);
        let shifted = i16::from(value).checked_add(shift).and_then(|value| T::try_from(value).ok());
        shifted.with_context(|| format!("the pixel value {value} shifted by {shift} leaves the input's type"))
    }

    /// The values in the network's order, from pixels with their channels side by side.
    fn arrange<T>(&self, pixels: &[u8], value: impl Fn(u8, usize) -> Result<T>) -> Result<Vec<T>> {
        let channels = self.channels();
        match self.layout {
            Order::Nchw => (0..channels)
                .flat_map(|channel| pixels.iter().skip(channel).step_by(channels).map(move |&p| (p, channel)))
                .map(|(pixel, channel)| value(pixel, channel))
                .collect(),
            Order::Nhwc => pixels.iter().enumerate().map(|(at, &pixel)| value(pixel, at % channels)).collect(),
        }
    }

    /// The picture in the size that is wanted.
    fn fit<P>(&self, image: image::ImageBuffer<P, Vec<u8>>) -> image::ImageBuffer<P, Vec<u8>>
    where
        P: image::Pixel<Subpixel = u8> + 'static,
    {
        let [rows, columns] = self.size;
        let (width, height) = image.dimensions();
        if (height, width) == (rows, columns) || width == 0 || height == 0 {
            return image;
        }
        let (scaled_width, scaled_height) = scaled(width, height, columns, rows, self.shorter);
        let image = imageops::resize(&image, scaled_width, scaled_height, FilterType::Triangle);
        let (left, top) = ((scaled_width - columns) / 2, (scaled_height - rows) / 2);
        imageops::crop_imm(&image, left, top, columns, rows).to_image()
    }
}

/// The size that a picture is scaled to: proportions are kept, fractions of a pixel dropped, and `columns` × `rows`
/// covered.
fn scaled(width: u32, height: u32, columns: u32, rows: u32, shorter: Option<u32>) -> (u32, u32) {
    let [w, h, c, r] = [width, height, columns, rows].map(u64::from);
    // By which fraction: of the shorter side, or of the side that is the last to cover.
    let (numerator, denominator) = match shorter {
        Some(shorter) => (u64::from(shorter), w.min(h)),
        None if c * h >= r * w => (c, w),
        None => (r, h),
    };
    let scale = |side: u64, least: u32| {
        let scaled = u32::try_from(side * numerator / denominator).unwrap_or(u32::MAX);
        // A picture may be as long as it likes: what is cut off is not worth scaling beyond this.
        scaled.clamp(least, MOST_PIXELS.max(least))
    };
    (scale(w, columns), scale(h, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preparation(json: &str) -> Preparation {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn floats_are_rounded_at_each_step_and_put_in_planes() {
        let preparation = preparation(
            r#"{"size": [1, 2], "colors": "rgb", "divide": 255, "mean": [0.485, 0.456, 0.406],
                "deviation": [0.229, 0.224, 0.225], "layout": "nchw"}"#,
        );
        let image = image::RgbImage::from_raw(2, 1, vec![10, 20, 30, 40, 50, 60]).unwrap();
        let made = preparation.prepare(image.into(), Type::F32, &[1, 3, 1, 2]).unwrap();
        let value = |pixel: f32, mean: f32, deviation: f32| (pixel / 255.0 - mean) / deviation;
        let expected = vec![
            value(10.0, 0.485, 0.229),
            value(40.0, 0.485, 0.229),
            value(20.0, 0.456, 0.224),
            value(50.0, 0.456, 0.224),
            value(30.0, 0.406, 0.225),
            value(60.0, 0.406, 0.225),
        ];
        assert_eq!(made, Data::F32(expected));
    }

    #[test]
    fn bytes_are_shifted() {
        let preparation = preparation(r#"{"size": [1, 2], "colors": "grey", "shift": -128, "layout": "nhwc"}"#);
        let image = image::GrayImage::from_raw(2, 1, vec![0, 255]).unwrap();
        let made = preparation.prepare(image.clone().into(), Type::I8, &[1, 1, 2, 1]).unwrap();
        assert_eq!(made, Data::I8(vec![-128, 127]));
        let error = preparation.prepare(image.into(), Type::U8, &[1, 1, 2, 1]).unwrap_err().to_string();
        assert_eq!(error, "the pixel value 0 shifted by -128 leaves the input's type");
    }

    #[test]
    fn pictures_of_other_sizes_keep_their_proportions() {
        assert_eq!(scaled(640, 480, 224, 224, Some(256)), (341, 256));
        assert_eq!(scaled(640, 480, 96, 96, None), (128, 96));
        assert_eq!(scaled(480, 640, 96, 96, None), (96, 128));
        assert_eq!(scaled(1, 1_000_000, 96, 96, None), (96, MOST_PIXELS));
        assert_eq!(scaled(100, 100, 50, 20, None), (50, 50));
        let preparation = preparation(r#"{"size": [2, 2], "colors": "grey", "layout": "nchw"}"#);
        let image = image::GrayImage::from_fn(8, 4, |x, _| image::Luma([if x < 4 { 10 } else { 200 }]));
        let made = preparation.prepare(image.into(), Type::U8, &[1, 1, 2, 2]).unwrap();
        assert!(matches!(&made, Data::U8(values) if values[0] == values[2] && values[0] < values[1]), "{made:?}");
    }

    #[test]
    fn what_does_not_fit_together_is_an_error() {
        let wrong = [
            r#"{"size": [0, 2], "colors": "grey", "layout": "nchw"}"#,
            r#"{"size": [2, 2], "colors": "grey", "layout": "nchw", "shorter": 1}"#,
            r#"{"size": [2, 2], "colors": "rgb", "layout": "nchw", "mean": [1]}"#,
            r#"{"size": [2, 2], "colors": "rgb", "layout": "nchw", "divide": 0}"#,
        ];
        for json in wrong {
            assert!(preparation(json).check().is_err(), "{json}");
        }
        assert!(
            serde_json::from_str::<Preparation>(r#"{"size": [1, 1], "colors": "rgb", "layout": "nchw", "x": 1}"#)
                .is_err()
        );
    }
}
