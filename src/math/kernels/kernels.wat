;; Loops over weights, four numbers at a time. Compiled by scripts/kernels.js into wasm.ts.
(module
  (memory (export "memory") 1)

  ;; Quantize a run of $n float32 at $x with a factor and a zero point for each: out = clamp(round(x * inverse) + zero).
  ;; $inverse: f32, $zero: i32, one for each number; $out: bytes. round is half to even.
  (func (export "quantizeColumns") (param $x i32) (param $inverse i32) (param $zero i32) (param $out i32) (param $n i32) (param $min i32) (param $max i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $out) (i32.and (local.get $n) (i32.const -4))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))
        (call $store4 (local.get $out)
          (call $clamp4
            (i32x4.add
              (i32x4.trunc_sat_f32x4_s (f32x4.nearest (f32x4.mul (v128.load align=4 (local.get $x)) (v128.load align=4 (local.get $inverse)))))
              (v128.load align=4 (local.get $zero)))
            (local.get $min) (local.get $max)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $inverse (i32.add (local.get $inverse) (i32.const 16)))
        (local.set $zero (i32.add (local.get $zero) (i32.const 16)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (br $next)))
    (local.set $end (i32.add (local.get $out) (i32.and (local.get $n) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))
        (call $store1 (local.get $out) (f32.load (local.get $x)) (f32.load (local.get $inverse)) (i32.load (local.get $zero)) (local.get $min) (local.get $max))
        (local.set $x (i32.add (local.get $x) (i32.const 4)))
        (local.set $inverse (i32.add (local.get $inverse) (i32.const 4)))
        (local.set $zero (i32.add (local.get $zero) (i32.const 4)))
        (local.set $out (i32.add (local.get $out) (i32.const 1)))
        (br $next))))

  ;; The same with one factor and one zero point for the whole run.
  (func (export "quantizeRow") (param $x i32) (param $inverse f32) (param $zero i32) (param $out i32) (param $n i32) (param $min i32) (param $max i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $out) (i32.and (local.get $n) (i32.const -4))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))
        (call $store4 (local.get $out)
          (call $clamp4
            (i32x4.add
              (i32x4.trunc_sat_f32x4_s (f32x4.nearest (f32x4.mul (v128.load align=4 (local.get $x)) (f32x4.splat (local.get $inverse)))))
              (i32x4.splat (local.get $zero)))
            (local.get $min) (local.get $max)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $out (i32.add (local.get $out) (i32.const 4)))
        (br $next)))
    (local.set $end (i32.add (local.get $out) (i32.and (local.get $n) (i32.const 3))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $out) (local.get $end)))
        (call $store1 (local.get $out) (f32.load (local.get $x)) (local.get $inverse) (local.get $zero) (local.get $min) (local.get $max))
        (local.set $x (i32.add (local.get $x) (i32.const 4)))
        (local.set $out (i32.add (local.get $out) (i32.const 1)))
        (br $next))))

  (func $clamp4 (param $q v128) (param $min i32) (param $max i32) (result v128)
    (i32x4.min_s (i32x4.max_s (local.get $q) (i32x4.splat (local.get $min))) (i32x4.splat (local.get $max))))

  ;; Low bytes of four integers.
  (func $store4 (param $out i32) (param $q v128)
    (v128.store32_lane align=1 0 (local.get $out)
      (i8x16.shuffle 0 4 8 12 0 4 8 12 0 4 8 12 0 4 8 12 (local.get $q) (local.get $q))))

  (func $store1 (param $out i32) (param $x f32) (param $inverse f32) (param $zero i32) (param $min i32) (param $max i32)
    (local $q i32)
    (local.set $q (i32.add (i32.trunc_sat_f32_s (f32.nearest (f32.mul (local.get $x) (local.get $inverse)))) (local.get $zero)))
    (if (i32.lt_s (local.get $q) (local.get $min)) (then (local.set $q (local.get $min))))
    (if (i32.gt_s (local.get $q) (local.get $max)) (then (local.set $q (local.get $max))))
    (i32.store8 (local.get $out) (local.get $q)))

  ;; Largest magnitude of each column so far, as bit patterns: highest[c] = max(highest[c], |x[c]|) for a row of $n numbers.
  (func (export "columnMagnitudes") (param $x i32) (param $highest i32) (param $n i32)
    (local $end i32) (local $a i32)
    (local.set $end (i32.add (local.get $x) (i32.shl (i32.and (local.get $n) (i32.const -4)) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $x) (local.get $end)))
        (v128.store align=4 (local.get $highest)
          (i32x4.max_s
            (v128.load align=4 (local.get $highest))
            (v128.and (v128.load align=4 (local.get $x)) (i32x4.splat (i32.const 0x7fffffff)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $highest (i32.add (local.get $highest) (i32.const 16)))
        (br $next)))
    (local.set $end (i32.add (local.get $x) (i32.shl (i32.and (local.get $n) (i32.const 3)) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $x) (local.get $end)))
        (local.set $a (i32.and (i32.load (local.get $x)) (i32.const 0x7fffffff)))
        (if (i32.gt_s (local.get $a) (i32.load (local.get $highest))) (then (i32.store (local.get $highest) (local.get $a))))
        (local.set $x (i32.add (local.get $x) (i32.const 4)))
        (local.set $highest (i32.add (local.get $highest) (i32.const 4)))
        (br $next))))

  ;; Largest magnitude of $n numbers, as a bit pattern.
  (func (export "rowMagnitude") (param $x i32) (param $n i32) (result i32)
    (local $end i32) (local $m v128) (local $highest i32) (local $a i32)
    (local.set $end (i32.add (local.get $x) (i32.shl (i32.and (local.get $n) (i32.const -4)) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $x) (local.get $end)))
        (local.set $m (i32x4.max_s (local.get $m) (v128.and (v128.load align=4 (local.get $x)) (i32x4.splat (i32.const 0x7fffffff)))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br $next)))
    (local.set $highest (i32x4.extract_lane 0 (i32x4.max_s
      (i32x4.max_s (local.get $m) (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $m) (local.get $m)))
      (i8x16.shuffle 4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11
        (i32x4.max_s (local.get $m) (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $m) (local.get $m)))
        (local.get $m)))))
    (local.set $end (i32.add (local.get $x) (i32.shl (i32.and (local.get $n) (i32.const 3)) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $x) (local.get $end)))
        (local.set $a (i32.and (i32.load (local.get $x)) (i32.const 0x7fffffff)))
        (if (i32.gt_s (local.get $a) (local.get $highest)) (then (local.set $highest (local.get $a))))
        (local.set $x (i32.add (local.get $x) (i32.const 4)))
        (br $next)))
    (local.get $highest))

  ;; Round $n (a multiple of 4) float32 at $x to float16 at $out, half to even; finite magnitudes beyond 65504 become it.
  ;; At $counts, four i32 each to be summed: adds how many were beyond, how many became zero, how many are infinite or NaN.
  (func (export "float32ToFloat16") (param $x i32) (param $out i32) (param $n i32) (param $counts i32)
    (local $end i32) (local $bits v128) (local $m v128) (local $h v128) (local $high v128) (local $special v128)
    (local $beyond v128) (local $flushed v128) (local $nonFinite v128)
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $n) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $x) (local.get $end)))
        (local.set $bits (v128.load align=4 (local.get $x)))
        (local.set $m (v128.and (local.get $bits) (i32x4.splat (i32.const 0x7fffffff))))
        ;; below 2^-14 the result counts in 2^-24, the last bit of numbers in [0.5, 1): adding 0.5 rounds.
        ;; from there on: rebias the exponent, add half of the last kept bit, less one where that bit is even
        (local.set $h (v128.bitselect
          (i32x4.sub (f32x4.add (local.get $m) (f32x4.splat (f32.const 0.5))) (i32x4.splat (i32.const 0x3f000000)))
          (i32x4.shr_u
            (i32x4.add
              (i32x4.sub (local.get $m) (i32x4.splat (i32.const 0x37fff001))) ;; 112 << 23, less 0xfff
              (v128.and (i32x4.shr_u (local.get $m) (i32.const 13)) (i32x4.splat (i32.const 1))))
            (i32.const 13))
          (i32x4.lt_s (local.get $m) (i32x4.splat (i32.const 0x38800000)))))
        (local.set $flushed (i32x4.sub (local.get $flushed)
          (v128.andnot (i32x4.eq (local.get $h) (v128.const i32x4 0 0 0 0)) (i32x4.eq (local.get $m) (v128.const i32x4 0 0 0 0)))))
        ;; 65520 and more
        (local.set $high (i32x4.ge_s (local.get $m) (i32x4.splat (i32.const 0x477ff000))))
        (if (v128.any_true (local.get $high)) (then
          (local.set $special (i32x4.ge_s (local.get $m) (i32x4.splat (i32.const 0x7f800000))))
          (local.set $nonFinite (i32x4.sub (local.get $nonFinite) (local.get $special)))
          (local.set $beyond (i32x4.sub (local.get $beyond) (v128.andnot (local.get $high) (local.get $special))))
          ;; infinity 0x7c00, a NaN 0x7e00, finite 0x7bff
          (local.set $special (i32x4.add (v128.bitselect (i32x4.splat (i32.const 0x7c00)) (i32x4.splat (i32.const 0x7bff)) (local.get $special))
            (v128.and (i32x4.gt_s (local.get $m) (i32x4.splat (i32.const 0x7f800000))) (i32x4.splat (i32.const 0x200)))))
          (local.set $h (v128.bitselect (local.get $special) (local.get $h) (local.get $high)))))
        (local.set $h (v128.or (local.get $h) (v128.and (i32x4.shr_u (local.get $bits) (i32.const 16)) (i32x4.splat (i32.const 0x8000)))))
        (v128.store64_lane align=2 0 (local.get $out) (i16x8.narrow_i32x4_u (local.get $h) (local.get $h)))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (local.set $out (i32.add (local.get $out) (i32.const 8)))
        (br $next)))
    (v128.store (local.get $counts) (i32x4.add (v128.load (local.get $counts)) (local.get $beyond)))
    (v128.store offset=16 (local.get $counts) (i32x4.add (v128.load offset=16 (local.get $counts)) (local.get $flushed)))
    (v128.store offset=32 (local.get $counts) (i32x4.add (v128.load offset=32 (local.get $counts)) (local.get $nonFinite))))

  ;; One step of AdamW (Loshchilov and Hutter 2019, algorithm 2) over $n (a multiple of 4) float32 weights, in place:
  ;;   g = $scale * gradient    m = m + $a * (g - m)    v = v + $b * (g * g - v)
  ;;   w = $keep * w - $rate * m / (sqrt(v) * $correct + $epsilon)
  ;; $a = 1 - beta1, $b = 1 - beta2, $keep = 1 - rate * decay; bias correction lies in $rate and $correct.
  (func (export "adamW") (param $w i32) (param $g i32) (param $m i32) (param $v i32) (param $n i32)
    (param $scale f32) (param $a f32) (param $b f32) (param $keep f32) (param $rate f32) (param $correct f32) (param $epsilon f32)
    (local $end i32) (local $grad v128) (local $first v128) (local $second v128)
    (local.set $end (i32.add (local.get $w) (i32.shl (local.get $n) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $w) (local.get $end)))
        (local.set $grad (f32x4.mul (v128.load (local.get $g)) (f32x4.splat (local.get $scale))))
        (local.set $first (v128.load (local.get $m)))
        (local.set $first (f32x4.add (local.get $first)
          (f32x4.mul (f32x4.splat (local.get $a)) (f32x4.sub (local.get $grad) (local.get $first)))))
        (v128.store (local.get $m) (local.get $first))
        (local.set $second (v128.load (local.get $v)))
        (local.set $second (f32x4.add (local.get $second)
          (f32x4.mul (f32x4.splat (local.get $b)) (f32x4.sub (f32x4.mul (local.get $grad) (local.get $grad)) (local.get $second)))))
        (v128.store (local.get $v) (local.get $second))
        (v128.store (local.get $w)
          (f32x4.sub
            (f32x4.mul (v128.load (local.get $w)) (f32x4.splat (local.get $keep)))
            (f32x4.div
              (f32x4.mul (f32x4.splat (local.get $rate)) (local.get $first))
              (f32x4.add (f32x4.mul (f32x4.sqrt (local.get $second)) (f32x4.splat (local.get $correct))) (f32x4.splat (local.get $epsilon))))))
        (local.set $w (i32.add (local.get $w) (i32.const 16)))
        (local.set $g (i32.add (local.get $g) (i32.const 16)))
        (local.set $m (i32.add (local.get $m) (i32.const 16)))
        (local.set $v (i32.add (local.get $v) (i32.const 16)))
        (br $next))))

  ;; Add $n (a multiple of 4) float32 at $more to those at $sum.
  (func (export "add") (param $sum i32) (param $more i32) (param $n i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $sum) (i32.shl (local.get $n) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $sum) (local.get $end)))
        (v128.store (local.get $sum) (f32x4.add (v128.load (local.get $sum)) (v128.load (local.get $more))))
        (local.set $sum (i32.add (local.get $sum) (i32.const 16)))
        (local.set $more (i32.add (local.get $more) (i32.const 16)))
        (br $next))))

  ;; Sum of the squares of $n (a multiple of 4) float32, added up in float64.
  (func (export "sumOfSquares") (param $x i32) (param $n i32) (result f64)
    (local $end i32) (local $four v128) (local $low v128) (local $high v128) (local $sum v128) (local $other v128)
    (local.set $end (i32.add (local.get $x) (i32.shl (local.get $n) (i32.const 2))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $x) (local.get $end)))
        (local.set $four (v128.load (local.get $x)))
        (local.set $low (f64x2.promote_low_f32x4 (local.get $four)))
        (local.set $high (f64x2.promote_low_f32x4 (i8x16.shuffle 8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7 (local.get $four) (local.get $four))))
        (local.set $sum (f64x2.add (local.get $sum) (f64x2.mul (local.get $low) (local.get $low))))
        (local.set $other (f64x2.add (local.get $other) (f64x2.mul (local.get $high) (local.get $high))))
        (local.set $x (i32.add (local.get $x) (i32.const 16)))
        (br $next)))
    (local.set $sum (f64x2.add (local.get $sum) (local.get $other)))
    (f64.add (f64x2.extract_lane 0 (local.get $sum)) (f64x2.extract_lane 1 (local.get $sum))))
)
