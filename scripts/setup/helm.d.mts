export declare const canTestHelm: boolean;
export declare function ensureHelm(): Promise<string>;
