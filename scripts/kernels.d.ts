/** The bytes of kernels.wat, compiled. */
export function compileKernels(): Promise<Uint8Array>;
