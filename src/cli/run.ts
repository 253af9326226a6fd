// The command line. The build makes dist/cli/run.js of it, which bin/run.js starts.
import { execute } from '@oclif/core';

await execute({ dir: import.meta.url });
