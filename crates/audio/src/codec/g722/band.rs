//! One sub-band of G.722: an adaptive quantizer around a predictor of two poles and six zeros.
//!
//! Names in small capitals are the blocks of the recommendation (clause 6.2): what they do there is done here, with the
//! same words of 16 bits, so that encoder and decoder stay in step with everybody else's.

/// Where the quantizer's step size lives, clause 6.2.1.3 and 6.2.2.3.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    /// The step's logarithm (NBL, NBH).
    log: i32,
    /// The step itself (DETL, DETH).
    pub(super) step: i32,
}

impl Scale {
    /// RESET: the step that both ends begin with.
    pub(super) const fn new(step: i32) -> Scale {
        Scale { log: 0, step }
    }

    /// LOGSCL and SCALEL, LOGSCH and SCALEH: forgets a little, adds `gain`, and follows with the step.
    /// `most` bounds the logarithm, `shift` is where the band's fixed point stands.
    #[inline(always)]
    pub(super) fn adapt(&mut self, gain: i32, most: i32, shift: i32) {
        self.log = (((self.log * 127) >> 7) + gain).clamp(0, most);
        let mantissa = INVERSE_LOG[((self.log >> 6) & 31) as usize];
        let exponent = shift - (self.log >> 11);
        let step = if exponent < 0 { mantissa << -exponent } else { mantissa >> exponent };
        self.step = step << 2;
    }
}

/// ILB: 2048 · 2^(i/32).
static INVERSE_LOG: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896,
    2960, 3025, 3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

/// Zeros of the predictor.
const ZEROS: usize = 6;
/// They are kept in a register of eight lanes; the last two stay 0.
const LANES: usize = 8;

/// The predictor, clause 6.2.1.4: what comes next, from what was decoded so far.
#[derive(Debug, Clone, Default)]
pub(super) struct Predictor {
    /// The prediction (SL, SH).
    pub(super) estimate: i32,
    /// The part of it that comes of the zeros (SZ).
    zeros_part: i32,
    /// The last two reconstructed samples (RLT), newest first.
    reconstructed: [i32; 2],
    /// The signs of the last two partly reconstructed samples (PLT): 0 or -1.
    partial: [i32; 2],
    /// The coefficients of the poles (A1, A2).
    poles: [i32; 2],
    /// The coefficients of the zeros (B1 to B6).
    zeros: [i16; LANES],
    /// The last differences (DLT), newest first.
    differences: [i16; LANES],
}

/// To a word of 16 bits.
#[inline(always)]
fn word(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

impl Predictor {
    /// Takes the dequantized difference in and predicts the next sample: RECONS to PREDIC.
    #[inline(always)]
    pub(super) fn adapt(&mut self, difference: i32) {
        let reconstructed = word(self.estimate + difference);
        let partial = word(self.zeros_part + difference) >> 31;
        let [a1, a2] = self.poles;

        // UPPOL2
        let same = partial == self.partial[0];
        let first = word(a1 << 2);
        let first = if same { (-first).min(32_767) } else { first };
        let leaked =
            (first >> 7) + if partial == self.partial[1] { 128 } else { -128 } + ((a2 * 32_512) >> 15);
        let a2 = leaked.clamp(-12_288, 12_288);
        // UPPOL1
        let most = 15_360 - a2;
        let a1 = (((a1 * 32_640) >> 15) + if same { 192 } else { -192 }).clamp(-most, most);

        // UPZERO
        let step = if difference == 0 { 0 } else { 128 };
        let sign = difference >> 31;
        for lane in 0..ZEROS {
            let turn = i32::from(self.differences[lane]) >> 31 ^ sign;
            let leaked = (i32::from(self.zeros[lane]) * 32_640) >> 15;
            self.zeros[lane] = word(leaked + ((step ^ turn) - turn)) as i16;
        }

        // DELAYA
        let [d1, d2, d3, d4, d5, ..] = self.differences;
        self.differences = [difference as i16, d1, d2, d3, d4, d5, 0, 0];
        self.partial = [partial, self.partial[0]];
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.poles = [a1, a2];

        // FILTEP
        let [r1, r2] = self.reconstructed;
        let poles_part = word(((a1 * word(r1 + r1)) >> 15) + ((a2 * word(r2 + r2)) >> 15));
        // FILTEZ
        let mut sum = 0;
        for lane in 0..ZEROS {
            let doubled = self.differences[lane].saturating_add(self.differences[lane]);
            sum += (i32::from(self.zeros[lane]) * i32::from(doubled)) >> 15;
        }
        self.zeros_part = word(sum);
        // PREDIC
        self.estimate = word(poles_part + self.zeros_part);
    }
}
