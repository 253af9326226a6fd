#!/usr/bin/env node
// The command line as it is installed.
import '../dist/cli/run.js';
