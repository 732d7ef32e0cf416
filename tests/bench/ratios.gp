# Rates of our filters as multiples of their peers.
# Variables: data, out, rows, when, machine
set terminal svg size 900,60+rows*16 font "sans,11" background "white"
set output out
set title "messages/s, ours / peer (".when.", ".machine.")" noenhanced
set logscale x
set grid x
set style fill solid 0.8 noborder
set ytics noenhanced
set yrange [rows-0.5:-0.5]
set xrange [0.1:*]
set arrow from 1,-0.5 to 1,rows-0.5 nohead lw 2 lc rgb "black"
unset key
plot data using (0.5*($2+0.1)):0:(0.5*($2-0.1)):(0.4):yticlabels(1) \
    with boxxyerror lc rgb "#4477aa"
