// Before each test file: when it is done, its temporary folders go, whether or not the process goes on with another file.
import { afterAll } from 'vitest';
import { removeTemp } from './temp.ts';

afterAll(removeTemp);
