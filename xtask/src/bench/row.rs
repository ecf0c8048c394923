//! What was measured at a shape on a tier: a line of JSON.

use serde::{Deserialize, Serialize};

/// Rates are 10⁹ a second: multiply-accumulates of products, bytes read and written of the others.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Row {
    #[serde(rename = "op")]
    pub(super) operation: String,
    pub(super) shape: String,
    pub(super) threads: usize,
    #[serde(rename = "isa")]
    pub(super) tier: String,
    pub(super) kernel: String,
    /// The type of the results.
    pub(super) output: String,
    /// The median rate of a product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gmacs: Option<f64>,
    /// The median rate of the others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gbps: Option<f64>,
    /// How long a call takes, in nanoseconds, where that is what the row is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ns: Option<f64>,
    /// In the batch that nine of ten are as fast as.
    pub(super) lo: f64,
    /// In the fastest batch.
    pub(super) hi: f64,
    /// The machine's limit for the shape.
    pub(super) limit: f64,
    /// To the rate of the scalar tier.
    pub(super) to_scalar: f64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) roof: Option<Roof>,
}

/// The two limits of a product.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(super) struct Roof {
    /// 10⁹ multiply-accumulates a second, on registers alone.
    pub(super) peak: f64,
    /// 10⁹ bytes a second, of a stream as long as the operands.
    pub(super) stream: f64,
    /// Multiply-accumulates for each byte of the operands.
    pub(super) intensity: f64,
}

/// 10⁹ a second, with the digits that lines of JSON have.
pub(super) fn giga(rate: f64) -> f64 {
    (rate / 1e3).round() / 1e6
}

impl Row {
    /// The median rate.
    pub(super) fn rate(&self) -> f64 {
        self.gmacs.or(self.gbps).unwrap_or(0.0)
    }

    /// Of the limit.
    pub(super) fn share(&self) -> f64 {
        self.rate() / self.limit
    }

    pub(super) fn is_product(&self) -> bool {
        self.gmacs.is_some()
    }

    /// A rate in the unit of the row's kind: for calls, how long one takes.
    pub(super) fn figure(&self, rate: f64) -> f64 {
        self.ns.map_or(rate, |ns| ns * self.rate() / rate)
    }

    pub(super) fn unit(&self) -> &'static str {
        match (self.ns, self.gmacs) {
            (Some(_), _) => "ns",
            (None, Some(_)) => "GMAC/s",
            (None, None) => "GB/s",
        }
    }

    /// The kernel, and of a product the type of the results that it was the faster with.
    pub(super) fn kernel_and_output(&self) -> String {
        if self.is_product() { format!("{} → {}", self.kernel, self.output) } else { self.kernel.clone() }
    }

    /// Whether both measure the same: operation, shape, threads and tier.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let key = |row: &Self| (row.operation.clone(), row.shape.clone(), row.threads, row.tier.clone());
        key(self) == key(other)
    }
}

/// A row for tests.
#[cfg(test)]
pub(super) fn example(shape: &str, gmacs: f64) -> Row {
    Row {
        operation: "gemm".into(),
        shape: shape.into(),
        threads: 1,
        tier: "avx2".into(),
        kernel: "avx2/gemm".into(),
        output: "u8".into(),
        gmacs: Some(gmacs),
        gbps: None,
        ns: None,
        lo: 0.99 * gmacs,
        hi: 1.01 * gmacs,
        limit: 100.0,
        to_scalar: 10.0,
        roof: Some(Roof { peak: 100.0, stream: 50.0, intensity: 20.0 }),
    }
}
