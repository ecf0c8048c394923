//! What `zeropoint-check` says of a tier, in the words that `cargo xtask test` reads.

use std::fmt;
use std::str::FromStr;

/// Cases that ran on a tier, and how many of them failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The tier.
    pub tier: String,
    /// Cases that ran.
    pub cases: usize,
    /// Those that failed, and kernels that no case was for.
    pub failures: usize,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tier {}: {} cases, {} failures", self.tier, self.cases, self.failures)
    }
}

/// A line that is no report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoReport;

impl FromStr for Report {
    type Err = NoReport;

    fn from_str(line: &str) -> Result<Self, NoReport> {
        let parse = || {
            let (tier, counts) = line.strip_prefix("tier ")?.split_once(": ")?;
            let (cases, failures) = counts.strip_suffix(" failures")?.split_once(" cases, ")?;
            Some(Self { tier: tier.into(), cases: cases.parse().ok()?, failures: failures.parse().ok()? })
        };
        parse().ok_or(NoReport)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let report = Report { tier: "avx2".into(), cases: 12, failures: 3 };
        assert_eq!(report.to_string().parse(), Ok(report));
        assert_eq!("tier avx2: all cases".parse::<Report>(), Err(NoReport));
        assert_eq!("avx2: gemm".parse::<Report>(), Err(NoReport));
    }
}
