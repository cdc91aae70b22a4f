//! A flow's string of keys as the media leg wants it.

use std::time::Duration;

use media::DigitToSend;

/// Keys sent by one command; more is a mistake or an attack.
const MOST: usize = 256;

/// `0-9A-D*#` are keys, `w` is half a second's pause, `W` a second's; the rest is passed over.
pub(super) fn spell(digits: &str, duration: Duration, gap: Duration) -> Vec<DigitToSend> {
    let pause = |ms| DigitToSend { key: None, duration: Duration::from_millis(ms), gap: Duration::ZERO };
    let one = |symbol: char| match symbol {
        'w' => Some(pause(500)),
        'W' => Some(pause(1_000)),
        '0'..='9' | '*' | '#' | 'A'..='D' | 'a'..='d' => {
            Some(DigitToSend { key: Some(symbol.to_ascii_uppercase()), duration, gap })
        }
        _ => None,
    };
    digits.chars().filter_map(one).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_pauses_are_told_apart() {
        let spelt = spell("1w#-a", Duration::from_millis(100), Duration::from_millis(50));
        let keys: Vec<_> = spelt.iter().map(|digit| digit.key).collect();
        assert_eq!(keys, vec![Some('1'), None, Some('#'), Some('A')]);
        assert_eq!(spelt[1].duration, Duration::from_millis(500));
        assert_eq!(spelt[2].gap, Duration::from_millis(50));
    }
}
