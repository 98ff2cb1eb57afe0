//! Probes that need unsafe: allocation counts, byte probes, instruction counts.
