//! Linear samples, most significant byte first: RFC 3551 §4.5.11.

pub(super) fn encode(samples: &[i16], payload: &mut [u8]) -> usize {
    for (bytes, sample) in payload.chunks_exact_mut(2).zip(samples) {
        bytes.copy_from_slice(&sample.to_be_bytes());
    }
    samples.len().min(payload.len() / 2) * 2
}

pub(super) fn decode(payload: &[u8], samples: &mut [i16]) -> usize {
    for (sample, bytes) in samples.iter_mut().zip(payload.chunks_exact(2)) {
        *sample = i16::from_be_bytes([bytes[0], bytes[1]]);
    }
    samples.len().min(payload.len() / 2)
}
