#!/usr/bin/env node
// The command line as it is installed.
import { execute } from '@oclif/core';

await execute({ dir: import.meta.url });
